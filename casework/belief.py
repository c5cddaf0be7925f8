"""How far a mail is believed to come from whom it names: may it act for its sender?

A From line can be forged by anybody. Where screening has a doubt, the mail is treated as a
stranger's: it joins no case and says STOP for nobody. Pure.
"""

from casework.judging import Judged
from intake.address_text import is_plainly_spelt
from intake.message import Address
from intake.screening import Verdict

WEBSITE_FORM = "website-form"
"""The screening rule of a form that a robot sends on; its address is not the writer's."""
NOBODYS = frozenset({Verdict.ROBOT, Verdict.LOOP})
DOUBTFUL_SENDERS = frozenset(
    {
        WEBSITE_FORM,
        "two-addresses",
        "sender-not-in-from",
        "headers-not-read",
        "unusual-spelling",
        "seen-as-another",
    }
)


def writer_of(judged: Judged) -> Address | None:
    """Return who wrote the mail as far as the sender's address tells: a robot is nobody.

    Nor is whose address would be taken for another's: people are found by its folded form.
    """
    sender = judged.message.sender
    is_nobody = judged.screening.verdict in NOBODYS or judged.screening.rule == WEBSITE_FORM
    return None if is_nobody or not sender or not is_plainly_spelt(sender.email) else sender


def is_believed(judged: Judged) -> bool:
    """Return whether the mail may act for its sender: join their case, or say STOP for them."""
    screening = judged.screening
    return screening.verdict is Verdict.PERSONAL and screening.rule not in DOUBTFUL_SENDERS


def asks_to_stop(judged: Judged, *, is_known: bool) -> bool:
    """Return whether the mail says STOP, as our letters offer (rule AK-10), and is believed.

    It must be all that is said, or the first line from somebody known: "Stop!" also stands on a
    line of its own where a parent tells what was shouted.
    """
    lines = [line for line in map(str.strip, judged.message.new_text.splitlines()) if line]
    if not lines or lines[0].strip(" .!\"'").casefold() != "stop":
        return False
    return is_believed(judged) and (len(lines) == 1 or is_known)
