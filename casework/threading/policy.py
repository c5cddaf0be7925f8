"""Where a mail is put, by what it points at. Pure: the evidence in, the decision out.

P1  the case's own correspondent, with evidence            → append
P2  a secret of ours, but from an unknown address          → append as unconfirmed
P3  a stranger with any other evidence                     → hold as a case of its own
P5  evidence for several cases                             → the most specific, or hold
P7  the case is closed                                     → reopen, or a case that follows it
P8  the subject has changed                                → append, and ask whether it is new
P10 a forward                                              → append as forwarded material
P12 the Message-ID of a mail that is in the case already   → keep both
P17 the parent of a mail that came before it               → append, or make two cases one
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from casework.threading.evidence import CaseFacts, Pointer, Source, Traits

REOPENS_FOR = timedelta(days=30)
"""A case that was closed longer ago is not opened again by a mail: a new case follows it."""

MOST_KEPT = 20
"""Of the evidence and the alternatives: a mail may point at thousands of cases."""
MOST_JOINED = 20
"""Cases that one mail makes one."""

Cases = Mapping[int, CaseFacts]


class Placing(StrEnum):
    """What to do with a mail."""

    APPEND = "append"
    APPEND_UNCONFIRMED = "append unconfirmed"
    HOLD = "hold"
    OPEN = "open"
    OPEN_FOLLOWING = "open following"


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a mail goes, by which rule and why; kept with the mail.

    `case_id` is the case to append to, or for the others the case that it may belong to or
    follows. `joins` are untouched cases that turn out to be the same conversation.
    """

    placing: Placing
    rule: str
    words: str
    case_id: int | None = None
    evidence: tuple[Pointer, ...] = ()
    alternatives: tuple[int, ...] = ()
    joins: tuple[int, ...] = ()
    is_new_subject: bool = False
    is_forwarded: bool = False
    reopens: bool = True
    """For an append: whether a closed case is opened again."""
    is_repeat: bool = False
    """It is in the case already, word for word: nothing of the case changes."""
    needs_look: bool = False
    knows_a_secret: bool = False

    @property
    def appends_to(self) -> int | None:
        """Return the case that the mail becomes part of, if it is there already."""
        appends = self.placing in {Placing.APPEND, Placing.APPEND_UNCONFIRMED}
        return self.case_id if appends else None


NOTHING = Decision(Placing.OPEN, "new", "Nothing points at another case.")


def decide(mail: Traits, pointers: Sequence[Pointer], cases: Cases) -> Decision:
    """Return where the mail goes; `pointers` the strongest first, each case of them in `cases`."""
    own = {number for number, case in cases.items() if _is_theirs(mail, case)}
    strong = [each for each in pointers if _may_decide(each, own)]
    decision = _decide(mail, strong, cases) if strong else _by_supporting(pointers, own)
    named = dict.fromkeys(each.case_id for each in pointers)
    others = tuple(number for number in named if number != decision.case_id)
    return replace(
        decision,
        evidence=tuple(pointers[:MOST_KEPT]),
        alternatives=others[:MOST_KEPT],
        knows_a_secret=any(each.source.shows_a_secret for each in strong),
    )


def _decide(mail: Traits, strong: Sequence[Pointer], cases: Cases) -> Decision:
    own = [each for each in strong if _is_theirs(mail, cases[each.case_id])]
    signed = [each for each in strong if each.source.shows_a_secret]
    first = strong[0]
    if own and (first in own or not first.source.shows_a_secret):
        return _append(mail, own, cases)
    if own:
        words = "It shows a secret of one case, and belongs by its sender to another."
        return Decision(Placing.HOLD, "P5", words, first.case_id)
    if signed:
        return _unconfirmed(mail, signed, cases)
    words = f"It may belong to another case: {first.source}. But who wrote it is not certain."
    return Decision(Placing.HOLD, "P3", words, first.case_id)


def _is_theirs(mail: Traits, case: CaseFacts) -> bool:
    return mail.person_id is not None and case.correspondent_id == mail.person_id


def _may_decide(pointer: Pointer, own: Collection[int]) -> bool:
    # That somebody has answered it already says nothing about a stranger's mail.
    if pointer.source is Source.AWAITED:
        return pointer.case_id in own
    return pointer.source.is_strong


def _by_supporting(pointers: Sequence[Pointer], own: Collection[int]) -> Decision:
    first = next((each for each in pointers if each.case_id in own), None)
    if first is None:
        return NOTHING
    words = f"It may belong to another case: {first.source}. That alone proves nothing."
    return replace(NOTHING, words=words, case_id=first.case_id)


def _unconfirmed(mail: Traits, signed: Sequence[Pointer], cases: Cases) -> Decision:
    case = cases[signed[0].case_id]
    if len({cases[each.case_id].correspondent_id for each in signed}) > 1:
        words = "It shows secrets of cases of different people, from an address that is not known."
        return Decision(Placing.HOLD, "P5", words, case.id)
    if not case.is_open:
        # Nobody looks into a closed case, and no stranger may open one.
        words = f"A closed case: {signed[0].source}, but from an address that we do not know yet."
        return Decision(Placing.HOLD, "P2", words, case.id)
    words = f"{_sentence(signed[0].source)}, but from an address that we do not know yet."
    return Decision(Placing.APPEND_UNCONFIRMED, "P2", words, case.id, is_forwarded=mail.is_forward)


def _append(mail: Traits, own: Sequence[Pointer], cases: Cases) -> Decision:
    first = own[0]
    again = next((each for each in own if each.source is Source.SAME_MESSAGE_ID), None)
    if again is not None:
        return _once_more(again)
    joined = _one_conversation(own, cases)
    case = cases[min(joined)] if joined else cases[first.case_id]
    is_new = bool(mail.stem) and case.stems is not None and mail.stem not in case.stems
    if not case.is_open:
        return _answer_to_a_closed_case(mail, case, first, is_new_subject=is_new)
    rule, words = _why(mail, own, first, case, joined)
    return Decision(
        Placing.APPEND,
        rule,
        words,
        case.id,
        joins=tuple(sorted(joined - {case.id})),
        is_new_subject=is_new and not mail.is_forward,
        is_forwarded=mail.is_forward,
    )


def _once_more(pointer: Pointer) -> Decision:
    """A mail whose Message-ID is in the case, by the same sender: another delivery, or a clash."""
    words = "It is the same mail by another way."
    if not pointer.is_repeat:
        words = "It has the Message-ID of an earlier mail, but other words: both are kept."
    return Decision(
        Placing.APPEND,
        "P12",
        words,
        pointer.case_id,
        reopens=not pointer.is_repeat,
        is_repeat=pointer.is_repeat,
        needs_look=not pointer.is_repeat,
    )


def _one_conversation(own: Sequence[Pointer], cases: Cases) -> set[int]:
    """Return the untouched cases that the mail shows to be one conversation; else none.

    Mails arrive in any order: two answers may have made two cases before their parent came.
    """
    by_id = {each.case_id for each in own if each.source.is_by_id}
    untouched = {number for number in by_id if cases[number].is_untouched}
    is_one = own[0].case_id in untouched and len(untouched) > 1
    return set(sorted(untouched)[:MOST_JOINED]) if is_one else set()


def _answer_to_a_closed_case(
    mail: Traits, case: CaseFacts, first: Pointer, *, is_new_subject: bool
) -> Decision:
    if not mail.may_reopen:
        words = (
            "It only thanks, or asks for nothing, in a case that is closed: please glance at it."
        )
        return Decision(Placing.APPEND, "P7", words, case.id, reopens=False)
    if is_new_subject:
        words = "It answers a closed case, but with another subject."
        return Decision(Placing.OPEN_FOLLOWING, "P7", words, case.id)
    if case.closed_at is not None and mail.at - case.closed_at > REOPENS_FOR:
        words = f"It answers a case that was closed more than {REOPENS_FOR.days} days ago."
        return Decision(Placing.OPEN_FOLLOWING, "P7", words, case.id)
    words = f"{_sentence(first.source)}, which is closed: it is opened again."
    return Decision(Placing.APPEND, "P7", words, case.id, is_forwarded=mail.is_forward)


def _why(
    mail: Traits, own: Sequence[Pointer], first: Pointer, case: CaseFacts, joined: set[int]
) -> tuple[str, str]:
    why = _sentence(first.source)
    if joined:
        return "P17", f"{why}; cases that were one conversation became one."
    if first.source is Source.AWAITED:
        return "P17", f"{why}, and came before it."
    if mail.is_forward:
        return "P10", f"{why}, and passes something on."
    if any(each.case_id != case.id for each in own):
        return "P5", f"{why}; it points at another case of the same person as well."
    return "P1", f"{why}, and comes from its correspondent."


def _sentence(source: Source) -> str:
    return f"{source[:1].upper()}{source[1:]}"
