"""What the mails of one transaction point at: asked for together, kept up as they are filed.

A mail may point at one that was filed a moment ago in the same transaction and is not written yet.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.lifecycle import CaseStatus
from casework.references import find_references
from casework.threading.evidence import (
    ORDER,
    CaseFacts,
    Named,
    Pointer,
    Source,
    named_by,
    thread_index,
)
from casework.threading.lookups import CaseRow, Wanted, is_filed, look_up
from casework.threading.subjects import subject_stem
from intake.message import Message
from replies.outgoing import address_key
from replies.signing import Signer

SAME_MATTER_FOR = timedelta(days=30)
"""Two mails of one person with one subject may be about one matter for so long."""


class Threads:
    """Belongs to one transaction. Whoever files a mail tells it by `note_case` and `note_mail`."""

    def __init__(self, session: Session, messages: Iterable[Message], now: datetime) -> None:
        """Ask once for what all of the mails point at."""
        self._session = session
        self._named: dict[int, tuple[Message, Named]] = {}
        listed = list(messages)
        wanted = Wanted(
            named=[self.named(message) for message in listed],
            references=frozenset(r for each in listed for r in find_references(each.subject)),
            senders=frozenset(key for each in listed if (key := sender_key(each))),
            stems=frozenset(stem for each in listed if (stem := subject_stem(each.subject))),
            thread_indexes=frozenset(i for each in listed if (i := thread_index(each))),
        )
        self._known = look_up(session, wanted, now - SAME_MATTER_FOR)
        self._numbers = {row.reference: row.id for row in self._known.cases.values()}
        self._texts: set[tuple[str, str, str]] = set()

    def named(self, message: Message) -> Named:
        """Return the ids and tokens in the message."""
        kept = self._named.get(id(message))
        if kept is None:
            # The message is kept with it, so that no other one can have its id meanwhile.
            kept = self._named[id(message)] = (message, named_by(message))
        return kept[1]

    def pointers(
        self, message: Message, text_hash: str, signer: Signer, own_addresses: Collection[str]
    ) -> list[Pointer]:
        """Return the cases that the mail points at, the strongest evidence first, none twice."""
        named = self.named(message)
        found = [
            *self._by_reply_address(named, signer, own_addresses),
            *self._by_letter(named.ancestors, Source.OUR_MESSAGE_ID),
            *self._by_own_id(named, sender_key(message), text_hash),
            *self._by_mail(named.ancestors, Source.ANSWERS),
            *self._by_waiting(named),
            *self._by_reference(message),
            *self._by_letter(named.enclosed, Source.ENCLOSED),
            *self._by_mail(named.enclosed, Source.ENCLOSED),
            *self._by_likeness(message),
        ]
        rooted = (replace(each, case_id=self.root(each.case_id)) for each in found)
        once: dict[tuple[int, Source], Pointer] = {}
        for each in rooted:
            once.setdefault((each.case_id, each.source), each)
        return sorted(once.values(), key=lambda each: ORDER[each.source])

    def facts(self, pointers: Iterable[Pointer]) -> Mapping[int, CaseFacts]:
        """Return what the policy must know of the cases pointed at."""
        return {each.case_id: self._facts(each.case_id) for each in pointers}

    def letter_answered(
        self, message: Message, signer: Signer, own_addresses: Collection[str]
    ) -> int | None:
        """Return the case of the letter that a delivery report, receipt or auto-reply is about.

        A Message-ID of ours or a signed address is unguessable, so whoever shows one was sent the
        letter or carried it. A reference proves nothing, and automatic mail is easily forged.
        """
        named = self.named(message)
        found = [
            *self._by_letter(named.enclosed, Source.ENCLOSED),
            *self._by_letter(named.ancestors, Source.OUR_MESSAGE_ID),
            *self._by_reply_address(named, signer, own_addresses),
        ]
        return self.root(found[0].case_id) if found else None

    def root(self, case_id: int) -> int:
        """Return where a merged case went in the end; of a circle always the same case."""
        path = [case_id]
        while True:
            row = self._known.cases.get(path[-1])
            target = row.merged_into if row else None
            if target is None or target not in self._known.cases:
                return path[-1]
            if target in path:
                return min(path[path.index(target) :])
            path.append(target)

    def unresolved(self, message: Message, case_id: int) -> list[str]:
        """Return the ids it answers that are neither letters of ours nor in its own case."""
        return [
            name
            for name in self.named(message).ancestors
            if self._letter(name) is None
            and all(self.root(place) != case_id for place, _ in self._known.filed.get(name, ()))
        ]

    def waiting_cases(self, message: Message) -> set[int]:
        """Return the cases with a mail that answers this one."""
        own_id = self.named(message).own_id or ""
        return {self.root(case_id) for case_id, _ in self._known.awaited.get(own_id, ())}

    def note_case(self, case_id: int, reference: str, correspondent_id: int | None) -> None:
        """Remember a case that was opened a moment ago, and for whom, if that is believed."""
        self._known.cases[case_id] = CaseRow(
            case_id, reference, correspondent_id, CaseStatus.NEW, None, None, is_untouched=True
        )
        self._numbers[reference] = case_id

    def note_mail(
        self,
        message: Message,
        case_id: int,
        text_hash: str,
        waits_for: Sequence[str],
        by: int | None,
    ) -> None:
        """Remember a mail that was put into a case, the ids it waits for, and who is believed."""
        own_id, sender = self.named(message).own_id, sender_key(message)
        if own_id:
            self._known.filed.setdefault(own_id, []).append((case_id, sender))
            self._texts.add((own_id, sender, text_hash))
        for name in waits_for:
            self._known.awaited.setdefault(name, []).append((case_id, by))
        stem = subject_stem(message.subject)
        self._known.stems.setdefault(case_id, set()).add(stem)
        for key in filter(None, (stem, thread_index(message))):
            self._known.subjects[sender, key] = case_id

    def note_letter(self, case_id: int, subject: str) -> None:
        """Remember the subject of a letter of ours: an answer to it has the same."""
        self._known.stems.setdefault(case_id, set()).add(subject_stem(subject))

    def note_status(self, case_id: int, status: CaseStatus, closed_at: datetime | None) -> None:
        """Remember that a case has another status."""
        row = self._known.cases[case_id]
        self._known.cases[case_id] = replace(row, status=status, closed_at=closed_at)

    def note_merger(self, case_id: int, into: int) -> None:
        """Remember that a case went into another."""
        self._known.cases[case_id] = replace(self._known.cases[case_id], merged_into=into)
        stems = self._known.stems.get(case_id, set())
        self._known.stems.setdefault(into, set()).update(stems)

    def _facts(self, case_id: int) -> CaseFacts:
        row = self._known.cases[case_id]
        stems = self._known.stems.get(case_id, set())
        return CaseFacts(
            id=case_id,
            correspondent_id=row.correspondent_id,
            is_open=CaseStatus(row.status).is_open,
            closed_at=row.closed_at,
            is_untouched=row.is_untouched,
            stems=None if None in stems else frozenset(filter(None, stems)),
        )

    def _letter(self, message_id: str) -> int | None:
        letters = self._known.letters
        return letters.get(message_id) or letters.get(message_id.lower())

    def _by_letter(self, ids: Iterable[str], source: Source) -> list[Pointer]:
        return [Pointer(case_id, source) for name in ids if (case_id := self._letter(name))]

    def _by_mail(self, ids: Iterable[str], source: Source) -> list[Pointer]:
        places = (place for name in ids for place in self._known.filed.get(name, ()))
        return [Pointer(case_id, source) for case_id, _ in places]

    def _by_own_id(self, named: Named, sender: str, text_hash: str) -> list[Pointer]:
        own_id = named.own_id
        places = self._known.filed.get(own_id, []) if own_id else []
        if own_id is None or not places:
            return []
        same = (own_id, sender, text_hash)
        is_repeat = same in self._texts or is_filed(self._session, *same)
        found = [
            Pointer(case_id, Source.SAME_MESSAGE_ID, is_repeat and sender == key)
            for case_id, key in places
        ]
        return sorted(found, key=lambda each: not each.is_repeat)

    def _by_waiting(self, named: Named) -> list[Pointer]:
        """Only where the believed sender of the waiting mail is the correspondent of its case."""
        return [
            Pointer(case_id, Source.AWAITED)
            for case_id, person in self._known.awaited.get(named.own_id or "", ())
            if person is not None
            and self._known.cases[self.root(case_id)].correspondent_id == person
        ]

    def _by_reference(self, message: Message) -> list[Pointer]:
        numbers = map(self._numbers.get, find_references(message.subject))
        return [Pointer(number, Source.REFERENCE) for number in numbers if number]

    def _by_reply_address(
        self, named: Named, signer: Signer, own_addresses: Collection[str]
    ) -> list[Pointer]:
        found = []
        for address, token in named.tokens:
            number = self._numbers.get(token.reference)
            if number is None or not _is_to_us(address, own_addresses, signer):
                continue
            if any(signer.proves(token, key) for key in self._known.contacts.get(number, ())):
                found.append(Pointer(number, Source.REPLY_ADDRESS))
        return found

    def _by_likeness(self, message: Message) -> list[Pointer]:
        sender = sender_key(message)
        keys = (
            (Source.THREAD_INDEX, thread_index(message)),
            (Source.SAME_SUBJECT, subject_stem(message.subject)),
        )
        found = ((s, self._known.subjects.get((sender, key))) for s, key in keys if key and sender)
        return [Pointer(number, source) for source, number in found if number is not None]


def sender_key(message: Message) -> str:
    """Return the key of the sender's address, "" where there is none."""
    return address_key(message.sender.email) if message.sender else ""


def _is_to_us(address: str, own_addresses: Collection[str], signer: Signer) -> bool:
    return any(signer.read_reply_address(address, own) is not None for own in own_addresses)
