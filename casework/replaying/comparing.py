"""Where two pictures differ, and the reason as far as it can be told. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from casework.refiling import RULE as REFILED
from casework.replaying.picture import CasePicture, MailPicture, Picture

FAILED = "failed"
NO_REASON = "No reason was found: this should not be, please report it."
FOLLOWS = "It follows from another difference."
NO_BYTES = "Of the mail only its line in the ledger is left."
BY_HAND = "A person filed it by hand."
BROKE_OFF = "Kith failed on the mail, then or now."
GATE = "A cap has another setting now, or what is counted for the caps differs."


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same: of a mail (`mail` is its number), or of a whole case."""

    case: str | None
    mail: int | None
    what: str
    then: str
    now: str
    why: str


def compare(
    source: Picture, target: Picture, *, without_bytes: Collection[int] = ()
) -> tuple[Difference, ...]:
    """Return every difference, by case; of mails that the target never had too."""
    found = [
        *_Mails(source, target, frozenset(without_bytes)).differences(),
        *_cases(source, target),
    ]
    found = [*_explained(found)]
    return tuple(sorted(found, key=lambda each: (each.case or "", each.mail or 0)))


@dataclass(frozen=True, slots=True)
class _Mails:
    """The mails of both pictures."""

    source: Picture
    target: Picture
    without_bytes: frozenset[int]

    def differences(self) -> Iterator[Difference]:
        for number, then in self.source.mails.items():
            now = self.target.mails.get(number)
            if now is None:
                why = NO_BYTES if number in self.without_bytes else ""
                yield Difference(then.case, number, "worked", then.state, "not worked", why)
            elif then != now:
                yield from self._of(number, then, now)

    def _of(self, number: int, then: MailPicture, now: MailPicture) -> Iterator[Difference]:
        why = self._why(number, then, now)
        settled = (_settled(then), _settled(now))
        if settled[0] != settled[1]:
            yield Difference(then.case or now.case, number, "settled as", *settled, why)
        if then.case != now.case:
            places = (then.case or "no case", now.case or "no case")
            yield Difference(then.case or now.case, number, "lies in", *places, why)
        answers = (_answer(then), _answer(now))
        if answers[0] != answers[1] and not _same_letter(then, now):
            yield Difference(then.case, number, "acknowledged", *answers, why or GATE)

    def _why(self, number: int, then: MailPicture, now: MailPicture) -> str:
        if number in self.without_bytes:
            return NO_BYTES
        if then.rule == REFILED:
            return BY_HAND
        if FAILED in (then.rule, now.rule):
            return BROKE_OFF
        if did := _people_did(self.source, (then.case, now.case)):
            return did
        if changed := judged_differently(then, now):
            return f"It is judged differently now: {changed}."
        if then.case and now.case and then.filed_rule != now.filed_rule:
            return f"Another rule files it: {then.filed_rule} then, {now.filed_rule} now."
        return ""


def judged_differently(then: MailPicture, now: MailPicture) -> str:
    """Return in words what the judges say differently of a mail; "" if they agree."""
    pairs = [("screening", _screened(then), _screened(now))]
    if then.case and now.case:
        pairs.append(("kind", then.kind or "none", now.kind or "none"))
        pairs.append(("risk", then.risk or "none", now.risk or "none"))
    told = [
        f"{name} {before} then, {after} now" for name, before, after in pairs if before != after
    ]
    return "; ".join(told)


def _screened(mail: MailPicture) -> str:
    return " ".join(filter(None, (mail.verdict, mail.rule))) or "none"


def _settled(mail: MailPicture) -> str:
    return " ".join(filter(None, (mail.state, mail.verdict, mail.rule)))


def _answer(mail: MailPicture) -> str:
    if mail.letter is not None:
        return f"yes {mail.letter}".strip()
    return f"no: {mail.answer}" if mail.answer else "no"


def _same_letter(then: MailPicture, now: MailPicture) -> bool:
    """Return whether both have the letter, as far as is known: old letters tell no template."""
    return None not in (then.letter, now.letter) and "" in (then.letter, now.letter)


def _people_did(source: Picture, cases: Sequence[str | None]) -> str:
    did = [what for case in cases if case for what in source.people_did.get(case, ())]
    return f"A person changed the case: {', '.join(dict.fromkeys(did))}." if did else ""


def _cases(source: Picture, target: Picture) -> Iterator[Difference]:
    changed = _changed_mails(source, target)
    for reference in sorted(source.cases.keys() | target.cases.keys()):
        then, now = source.cases.get(reference), target.cases.get(reference)
        why = _people_did(source, (reference,)) or changed.get(reference, "")
        if then is None or now is None:
            there, here = ("there" if each else "not there" for each in (then, now))
            yield Difference(reference, None, "case", there, here, why)
        else:
            for what, before, after in _unlike(then, now):
                yield Difference(reference, None, what, before, after, why)


def _unlike(then: CasePicture, now: CasePicture) -> Iterator[tuple[str, str, str]]:
    pairs = (
        ("risk", then.risk_level, now.risk_level),
        ("strands", ", ".join(then.strands), ", ".join(now.strands)),
        ("flags", ", ".join(then.flags), ", ".join(now.flags)),
        ("merged into", then.merged_into, now.merged_into),
        ("follows", then.follows, now.follows),
        ("may belong to", then.may_belong_to, now.may_belong_to),
    )
    for what, before, after in pairs:
        if before != after:
            yield what, before or "none", after or "none"


def _changed_mails(source: Picture, target: Picture) -> dict[str, str]:
    """Return for each case the first of its mails that is judged differently, in words."""
    words: dict[str, str] = {}
    for number, then in source.mails.items():
        now = target.mails.get(number)
        if now is None or then == now or not (changed := judged_differently(then, now)):
            continue
        for case in filter(None, (then.case, now.case)):
            words.setdefault(case, f"Mail {number} is judged differently now: {changed}.")
    return words


def _explained(found: Sequence[Difference]) -> Iterator[Difference]:
    """Yield the differences, each with a reason: at the least another one of the same case."""
    reasoned = {each.case for each in found if each.why}
    reasoned |= {each.now for each in found if each.why} | {each.then for each in found if each.why}
    for each in found:
        if each.why:
            yield each
        else:
            why = FOLLOWS if {each.case, each.then, each.now} & reasoned else NO_REASON
            yield Difference(each.case, each.mail, each.what, each.then, each.now, why)
