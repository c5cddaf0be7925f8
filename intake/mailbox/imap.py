"""One folder on one IMAP server, read mail by mail where a batch cannot be had.

A mail over which the connection breaks, or the server falls silent, holds up no other: it waits
until all others have come and is then asked for alone. It is given up (withheld) only when it
failed so often while other mails could be had, so that neither a bad network nor a server that is
unwell costs a mail.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from intake.mailbox.answers import NOTHING_KNOWN, Known
from intake.mailbox.batches import bounded_batches
from intake.mailbox.door import FetchedMail, Glimpse, MailboxError, Role
from intake.mailbox.idling import Idling
from intake.mailbox.line import BrokenOffError, Line
from intake.mailbox.questions import Questions
from intake.mailbox.server import ImapServer

SIZES_AT_A_TIME = 500
PROOFS = 3
"""How many of the newest and of the oldest mails are asked for to see if the server works."""
BREAKS_OF_PROOFS = 2
STRIKES = 3
"""How often the connection must break over a mail alone before it is withheld."""
BREAKS_IN_A_ROW = 3
"""After so many the poll ends: it is the connection, not the mails."""


class ImapMailbox:
    """A folder on an IMAP server; one connection, not to be shared between threads."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._line = Line(server)
        self._questions = Questions(self._line)
        self._strikes: Counter[int] = Counter()
        self._suspects: set[int] = set()
        self._breaks = 0

    @property
    def name(self) -> str:
        """Return `user@host/folder`, or what the server's settings say instead."""
        return self._server.name

    @property
    def role(self) -> Role:
        """Return what this mailbox is to us."""
        return self._server.role

    def open(self) -> int:
        """Connect if need be, EXAMINE the folder, return UIDVALIDITY (RFC 9051 2.3.1.1)."""
        before = self._line.validity
        validity = self._line.open()
        if validity != before:
            self._strikes.clear()
        return validity

    def uids_from(self, first: int) -> list[int]:
        """Return UIDs at or above `first`; the server's echo of an older last one is left out."""
        listed = self._line.exists
        found = self._questions.present(first)
        self._line.listed = listed
        return found

    def count(self) -> int:
        """Return how many mails are in the folder now; the folder is opened anew for it."""
        before = self._line.validity
        if before is not None and self.open() != before:
            raise MailboxError("The mailbox was made anew on the server. Kith will look again.")
        return self._line.exists

    def glimpses(self, uids: Sequence[int]) -> Iterator[list[Glimpse]]:
        """Yield what can be told without bodies; a mail of which nothing is told comes bare."""
        for start in range(0, len(uids), SIZES_AT_A_TIME):
            asked = uids[start : start + SIZES_AT_A_TIME]
            told = self._questions.glimpses(asked)
            if told is None:
                yield [glimpse for uid in asked for glimpse in self._glimpse_alone(uid)]
            else:
                yield [told[uid] for uid in asked if uid in told]

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield batches; sizes are asked for first, so that no batch outgrows the memory.

        A batch that the server refuses is asked for mail by mail. What it refuses alone, while
        other mails can be had, is withheld. Batches may be empty: the poller can look up then.
        """
        self._breaks = 0
        self._suspects = {uid for uid in uids if uid in self._strikes}
        for start in range(0, len(uids), SIZES_AT_A_TIME):
            asked = [u for u in uids[start : start + SIZES_AT_A_TIME] if u not in self._suspects]
            yield from self._chunk(asked)
        suspects = [uid for uid in uids if uid in self._suspects]
        while suspects:
            for uid in suspects:
                yield self._suspect(uid)
            suspects = [uid for uid in suspects if uid in self._suspects]

    def idle(self) -> Idling | None:
        """Return the IDLE that runs on the open folder, or a new one; None: not to be had here.

        Any other method ends it. Raises `MailboxError` if the connection broke over it.
        """
        return self._line.idle()

    def end_idle(self, within: float | None = None) -> bool:
        """End the IDLE, in so many seconds; return whether the server had said something."""
        return self._line.end_idle(within)

    def close(self) -> None:
        """Log out if the connection still stands; a broken one is dropped."""
        self._line.close()

    def _chunk(self, asked: Sequence[int]) -> Iterator[list[FetchedMail]]:
        if not asked:
            return
        try:
            known = self._known(asked)
        except BrokenOffError:
            self._suspect_all(asked)
            return
        sized = [
            (uid, told.size) for uid in asked if (told := known.get(uid)) and told.size is not None
        ]
        for batch in bounded_batches(sized, self._server):
            try:
                yield self._batch({uid: known[uid] for uid, _ in batch})
                self._breaks = 0
            except BrokenOffError:
                self._suspect_all([uid for uid, _ in batch])
        unsized = self._questions.still_there([uid for uid in asked if uid not in known])
        for uid in unsized:
            try:
                yield self._alone(uid, NOTHING_KNOWN)
                self._breaks = 0
            except BrokenOffError:
                self._suspect_all([uid])

    def _known(self, uids: Sequence[int]) -> dict[int, Known]:
        """Return what can be had; one mail without any size must not cost the others'."""
        known = self._questions.sizes(uids)
        if known is not None:
            return known
        return {uid: told for one in uids for uid, told in self._known_alone(one).items()}

    def _known_alone(self, uid: int) -> dict[int, Known]:
        known = self._questions.sizes([uid])
        if known is None:
            self._make_sure_it_is_the_mail(uid)
        return known or {}

    def _batch(self, known: dict[int, Known]) -> list[FetchedMail]:
        mails = self._questions.mails(list(known.items())) or {}
        there = set(self._questions.still_there([uid for uid in known if uid not in mails]))
        come: list[FetchedMail] = []
        for uid, told in known.items():
            if uid in mails:
                come.append(mails[uid])
            elif uid in there:
                come += self._alone(uid, told)
        return come

    def _alone(self, uid: int, known: Known) -> list[FetchedMail]:
        """Return the mail, or that it is withheld, or nothing if it vanished."""
        mails = self._questions.mails([(uid, known)]) or {}
        if uid in mails:
            return [mails[uid]]
        if not self._questions.still_there([uid]):
            return []
        self._make_sure_it_is_the_mail(uid)
        return [_withheld(uid, known)]

    def _suspect_all(self, uids: Sequence[int]) -> None:
        """Put the mails off: the connection broke over one of them, or by chance.

        Raises `MailboxError` when it broke too often in a row.
        """
        self._suspects.update(uids)
        self._breaks += 1
        if self._breaks >= BREAKS_IN_A_ROW:
            raise MailboxError(
                f"The connection to {self._server.where} broke again and again while mails were "
                "read. Kith will try again."
            )

    def _suspect(self, uid: int) -> list[FetchedMail]:
        """Return the mail asked for alone, or nothing yet, or after some strikes: withheld."""
        known = NOTHING_KNOWN
        try:
            known = self._known_alone(uid).get(uid, NOTHING_KNOWN)
            mails = self._alone(uid, known)
        except BrokenOffError:
            if not (proofs := self._proofs(uid)):
                raise  # nobody can tell whether it is the mail
            if not self._any_can_be_had(proofs):
                raise self._unwell() from None
            self._strikes[uid] += 1
            if self._strikes[uid] < STRIKES:
                return []
            mails = [_withheld(uid, known)]
        self._breaks = 0
        self._suspects.discard(uid)
        self._strikes.pop(uid, None)
        return mails

    def _make_sure_it_is_the_mail(self, refused: int) -> None:
        """Raise `MailboxError` if the server hands out no other mail either.

        Then it is unwell, and to give up on its mails one after the other would be wrong. If
        there is no other mail, nothing contradicts that it is the mail.
        """
        proofs = self._proofs(refused)
        if proofs and not self._any_can_be_had(proofs):
            raise self._unwell()

    def _proofs(self, suspect: int) -> list[int]:
        others = [uid for uid in self._questions.present() if uid != suspect]
        return list(dict.fromkeys([*others[: -PROOFS - 1 : -1], *others[:PROOFS]]))

    def _any_can_be_had(self, proofs: Sequence[int]) -> bool:
        """Return whether any of the mails can; one over which the connection breaks may be ill."""
        breaks = 0
        for proof in proofs:
            try:
                if self._questions.has_a_byte(proof):
                    return True
            except BrokenOffError:
                breaks += 1
                if breaks == BREAKS_OF_PROOFS:
                    return False
        return False

    def _unwell(self) -> MailboxError:
        return MailboxError(
            f"The mail server {self._server.host} hands out no mail at present. Kith will "
            "try again; if it stays so, ask the mail provider."
        )

    def _glimpse_alone(self, uid: int) -> list[Glimpse]:
        told = self._questions.glimpses([uid])
        if told is not None:
            return [told[uid]] if uid in told else []
        self._make_sure_it_is_the_mail(uid)
        return [Glimpse(uid)] if self._questions.still_there([uid]) else []


def _withheld(uid: int, known: Known) -> FetchedMail:
    return FetchedMail(
        uid,
        b"",
        known.size or 0,
        None,
        is_whole=False,
        is_withheld=True,
        object_id=known.object_id,
        thread_id=known.thread_id,
    )
