"""What is wrong, out of how things are. Pure: a status in, sentences with remedies out."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from casework.status.model import MailboxStatus, Status, Trouble, Watching
from casework.status.words import count_of, moment_words
from config.log_cleaning import clean

UNFILED_TOO_LONG = timedelta(minutes=15)
LETTER_TOO_LONG = timedelta(hours=1)
TOKEN_SOON = timedelta(days=30)
TOKEN_VERY_SOON = timedelta(days=3)
LONG = timedelta.max
SIGN_IN_AGAIN = "Run `kith login` again, or renew the app's secret at the provider."
COMPARISONS_MISSED = 2
"""After so many of its intervals the comparison with the server is overdue."""

LOOKS_MISSED = 2
"""After so many of its own intervals without success a mailbox is silent, if that is longer."""


MOST_SENDERS_TOLD = 5
LOOK_AT_THE_NEWEST = (
    "Look at the newest conversations: it may be a robot, or somebody in great need."
)


def troubles(status: Status, watching: Watching) -> list[Trouble]:
    """Return everything that needs a person, the most pressing first."""
    found = [trouble for look in _LOOKS for trouble in look(status, watching)]
    return sorted(found, key=lambda trouble: not trouble.rings)


def _never_looked(status: Status, _: Watching) -> Iterator[Trouble]:
    if any(box.tried_at for box in status.mailboxes):
        return
    yield Trouble(
        "never-looked",
        "Kith has not looked into any inbox yet.",
        "Start it with `kith run`. If it runs, `kith check` says what is missing.",
        rings=False,
    )


def _silence(status: Status, watching: Watching) -> Iterator[Trouble]:
    for box in status.mailboxes:
        if box.tried_at is None:
            continue
        if box.needs_sign_in:
            yield _refused(box)
        elif _is_silent(box, status, watching.silence):
            yield _silent(box)


def _is_silent(box: MailboxStatus, status: Status, limit: timedelta | None) -> bool:
    if limit is None:
        return False
    patient = max(limit, box.rhythm * LOOKS_MISSED)
    return box.well_at is None or status.at - box.well_at > patient


def _refused(box: MailboxStatus) -> Trouble:
    return Trouble(
        f"sign-in-{box.key}",
        f"{box.label}: the mail server no longer lets Kith in. No new mail is read.",
        "Sign in again with `kith login`; or, where Kith uses an app password, make a new one "
        "at the provider and put it in place of the old one.",
    )


def _silent(box: MailboxStatus) -> Trouble:
    how_long = "could never look into it"
    if box.well_at is not None:
        how_long = f"has not been able to look into it since {moment_words(box.well_at)}"
    return Trouble(
        f"silence-{box.key}",
        f"{box.label}: Kith {how_long}. New mail waits there, unread by Kith.",
        "Is the computer that runs Kith switched on and connected? `kith check` says what is "
        "wrong. Until it is mended, let somebody look into the mailbox itself.",
    )


def _missing(status: Status, _: Watching) -> Iterator[Trouble]:
    for box in status.mailboxes:
        if box.missing:
            yield Trouble(
                f"missing-{box.key}",
                f"{box.label}: {count_of(box.missing, 'mail')} on the server that Kith does not "
                "have.",
                "Kith fetches them at its next full comparison; `kith status --compare` makes one "
                "now. If the number stays, tell whoever looks after Kith.",
            )


def _comparison(status: Status, watching: Watching) -> Iterator[Trouble]:
    every = watching.compare_every
    for box in status.mailboxes:
        if every is None or box.compared_at is None:
            continue
        if status.at - box.compared_at > every * COMPARISONS_MISSED:
            yield Trouble(
                f"comparison-{box.key}",
                f"{box.label}: not compared with the server since {moment_words(box.compared_at)}.",
                "`kith status --compare` compares it now.",
                rings=False,
            )


def _unfiled(status: Status, _: Watching) -> Iterator[Trouble]:
    oldest = status.oldest_unfiled_at
    if oldest is not None and status.at - oldest > UNFILED_TOO_LONG:
        yield Trouble(
            "unfiled",
            f"Mail that was read has waited to be filed since {moment_words(oldest)}.",
            "Restart Kith. If it stays so, whoever looks after Kith should read its log.",
        )


def _set_aside(status: Status, _: Watching) -> Iterator[Trouble]:
    if status.set_aside:
        many = status.set_aside != 1
        yield Trouble(
            "set-aside",
            f"{count_of(status.set_aside, 'mail')} set aside: Kith could not work on "
            f"{'them' if many else 'it'}. Nothing is lost.",
            "Open the page Set aside: try again, or file as a case. `kith mail list --state "
            "set_aside` lists the same.",
        )


def _letters(status: Status, _: Watching) -> Iterator[Trouble]:
    letters = status.letters
    oldest = letters.oldest_waiting_at
    if status.is_live and oldest is not None and status.at - oldest > LETTER_TOO_LONG:
        yield Trouble(
            "letters",
            f"{count_of(letters.waiting, 'letter')} waiting to leave, the oldest since "
            f"{moment_words(oldest)}.",
            "Kith goes on trying by itself. `kith check` says whether the sending server can be "
            "reached.",
        )
    if letters.unknown_lately:
        yield Trouble(
            "unknown-letters",
            f"{count_of(letters.unknown_lately, 'letter')} of the last seven days may or may not "
            "have left.",
            "Look into the mailbox's sent mail. Kith never sends such a letter a second time.",
            rings=False,
        )
    if letters.failed_lately:
        yield Trouble(
            "failed-letters",
            f"{count_of(letters.failed_lately, 'letter')} of the last seven days could not be "
            "delivered.",
            "The history of the case says why. A person can write in another way.",
            rings=False,
        )


def _canary(status: Status, _: Watching) -> Iterator[Trouble]:
    if status.canary is not None and status.canary.is_overdue:
        yield Trouble(
            "canary",
            "A test mail that Kith sent to itself has not come back in time.",
            "Look into the spam folder and for filters that move mail. Letters may not leave, or "
            "new mail may not arrive.",
        )


def _all_stopped(status: Status, _: Watching) -> Iterator[Trouble]:
    if status.brakes.all_stopped:
        yield Trouble(
            "all-stopped",
            "So many automatic replies were due that Kith has stopped all of them for now. Mail "
            "is filed as always.",
            "Look through the newest conversations for robots or a flood. Replies begin again by "
            "themselves when there is room under the caps.",
        )


def _breakers(status: Status, _: Watching) -> Iterator[Trouble]:
    senders = status.brakes.senders
    for breaker in senders[:MOST_SENDERS_TOLD]:
        yield Trouble(
            f"breaker-{breaker.name}",
            "A sender has written so much, or so much alike, that Kith does not answer them for "
            f"now, since {moment_words(breaker.since)}. Their mail is filed.",
            LOOK_AT_THE_NEWEST,
        )
    if more := senders[MOST_SENDERS_TOLD:]:
        words = f"{count_of(len(more), 'further sender')} not answered for the same reason."
        yield Trouble("breakers-many", words, LOOK_AT_THE_NEWEST)


def _caps(status: Status, _: Watching) -> Iterator[Trouble]:
    if status.brakes.caps_reached:
        yield Trouble(
            "caps",
            "So many replies were due to one domain or about one subject that some were left out. "
            "The mail is filed.",
            "Look at the newest conversations that were not acknowledged, and write to them.",
        )


def _tokens(status: Status, _: Watching) -> Iterator[Trouble]:
    for token in status.tokens:
        where = token.provider.title()
        left = LONG if token.ends_at is None else token.ends_at - status.at
        if token.needs_sign_in or left <= timedelta(0):
            words = f"Kith is no longer allowed to sign in at {where}."
            yield Trouble(f"token-over-{token.provider}", words, SIGN_IN_AGAIN)
        elif left <= TOKEN_SOON:
            days = count_of(max(left.days, 1), "day")
            words = f"In {days} Kith may no longer sign in at {where}."
            is_pressing = left <= TOKEN_VERY_SOON
            yield Trouble(f"token-{token.provider}", words, SIGN_IN_AGAIN, rings=is_pressing)
        elif token.warning:
            words = f"Signing in at {where} needs attention."
            yield Trouble(f"token-{token.provider}", words, clean(token.warning), rings=False)


_LOOKS: tuple[Callable[[Status, Watching], Iterator[Trouble]], ...] = (
    _never_looked,
    _silence,
    _missing,
    _unfiled,
    _canary,
    _tokens,
    _letters,
    _all_stopped,
    _caps,
    _breakers,
    _set_aside,
    _comparison,
)
