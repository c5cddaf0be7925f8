"""One folder on one IMAP server, read mail by mail where a batch cannot be had."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from intake.mailbox.answers import SIZE, mails_in, sizes_in
from intake.mailbox.batches import bounded_batches, is_outsized
from intake.mailbox.connecting import (
    ImapServer,
    connect,
    cut,
    explain_failure,
    is_of_the_connection,
)
from intake.mailbox.door import FetchedMail, MailboxError

SIZES_AT_A_TIME = 500
BEGINNING_BYTES = 262_144
"""How much is read of a mail that is larger than the limit, or whose size is unknown."""
PROOFS = 3
"""How many of the newest and of the oldest mails are asked for to see if the server works."""

Result = TypeVar("Result")


class UnusableAnswerError(MailboxError):
    """The server answered, but not with what was asked for; other questions may do better."""


class ImapMailbox:
    """A folder on an IMAP server; one connection, not to be shared between threads."""

    def __init__(self, server: ImapServer) -> None:
        self._server = server
        self._client: Any = None
        self._validity: int | None = None

    @property
    def name(self) -> str:
        """Return `user@host/folder`: stable across restarts, one per folder read."""
        user = self._server.username.partition("@")[0]
        return f"{user}@{self._server.host}/{self._server.folder}"

    def open(self) -> int:
        """Connect if need be, EXAMINE the folder, return UIDVALIDITY (RFC 9051 2.3.1.1)."""
        self._validity = self._told(self._open)
        return self._validity

    def uids_from(self, first: int) -> list[int]:
        """Return UIDs at or above `first`; the server's echo of an older last one is left out."""
        return [uid for uid in self._found(["UID", f"{first}:*"]) if uid >= first]

    def fetch(self, uids: Sequence[int]) -> Iterator[list[FetchedMail]]:
        """Yield batches; sizes are asked for first, so that no batch outgrows the memory.

        A batch that fails, but not for the connection, is asked for mail by mail, on a connection
        of its own if need be. What fails alone, while other mails can be had, is withheld.
        """
        for start in range(0, len(uids), SIZES_AT_A_TIME):
            asked = uids[start : start + SIZES_AT_A_TIME]
            sizes = self._sizes(asked)
            for batch in bounded_batches(
                [(uid, sizes[uid]) for uid in asked if uid in sizes], self._server
            ):
                yield self._batch(batch)
            for uid in self._still_there([uid for uid in asked if uid not in sizes]):
                yield self._alone(uid, None)

    def close(self) -> None:
        """Log out if the connection still stands; a broken one is dropped."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            client.logout()
        except Exception:
            cut(client)

    def _open(self) -> int:
        if self._client is None:
            self._client = connect(self._server)
        selected = self._client.select_folder(self._server.folder, readonly=True)
        validity = selected.get(b"UIDVALIDITY")
        if not validity:
            raise MailboxError(
                f"The mail server gives no UIDVALIDITY for {self._server.folder!r}; without it "
                "mails cannot be told apart, so nothing was read. Ask the mail provider."
            )
        return int(validity)

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Return the sizes that can be had; one mail without any must not cost the others'."""
        sizes = self._asked(partial(self._ask_sizes, uids))
        if sizes is not None:
            return sizes
        return {uid: size for one in uids for uid, size in self._size_alone(one).items()}

    def _size_alone(self, uid: int) -> dict[int, int]:
        size = self._asked(partial(self._ask_sizes, [uid]))
        if size is None:
            self._make_sure_it_is_the_mail(uid)
        return size or {}

    def _ask_sizes(self, uids: Sequence[int]) -> dict[int, int]:
        return sizes_in(self._client.fetch(uids, [SIZE]))

    def _batch(self, batch: Sequence[tuple[int, int]]) -> list[FetchedMail]:
        mails = self._asked(partial(self._ask_mails, batch)) or {}
        missing = {uid: size for uid, size in batch if uid not in mails}
        there = set(self._still_there(list(missing)))
        come: list[FetchedMail] = []
        for uid, size in batch:
            if uid in mails:
                come.append(mails[uid])
            elif uid in there:
                come += self._alone(uid, size)
        return come

    def _ask_mails(self, batch: Sequence[tuple[int, int | None]]) -> dict[int, FetchedMail]:
        size = batch[0][1]
        in_part = size is None or is_outsized(self._server, size)
        item = f"BODY.PEEK[]<0.{BEGINNING_BYTES}>" if in_part else "BODY.PEEK[]"
        answer = self._client.fetch([uid for uid, _ in batch], [item, "INTERNALDATE"])
        return mails_in(answer, dict(batch), part=BEGINNING_BYTES if in_part else None)

    def _alone(self, uid: int, size: int | None) -> list[FetchedMail]:
        """Return the mail, or that it is withheld, or nothing if it vanished."""
        mails = self._asked(partial(self._ask_mails, [(uid, size)])) or {}
        if uid in mails:
            return [mails[uid]]
        if not self._still_there([uid]):
            return []
        self._make_sure_it_is_the_mail(uid)
        withheld = FetchedMail(uid, b"", size or 0, None, is_whole=False, is_withheld=True)
        return [withheld]

    def _make_sure_it_is_the_mail(self, refused: int) -> None:
        """Raise `MailboxError` if the server hands out no other mail either.

        Then it is unwell, and to give up on its mails one after the other would be wrong. If
        there is no other mail, nothing contradicts that it is the mail.
        """
        others = [uid for uid in self._found(["ALL"]) if uid != refused]
        proofs = dict.fromkeys([*others[: -PROOFS - 1 : -1], *others[:PROOFS]])
        if others and not any(self._asked(partial(self._ask_a_byte, uid)) for uid in proofs):
            raise MailboxError(
                f"The mail server {self._server.host} hands out no mail at present. Kith will "
                "try again; if it stays so, ask the mail provider."
            )

    def _ask_a_byte(self, uid: int) -> bool:
        answer = self._client.fetch([uid], ["BODY.PEEK[]<0.1>"])
        return bool(mails_in(answer, {uid: 1}, part=1))

    def _still_there(self, uids: Sequence[int]) -> list[int]:
        if not uids:
            return []
        asked = set(uids)
        return [uid for uid in self._found(["UID", _uid_set(uids)]) if uid in asked]

    def _found(self, criteria: list[str]) -> list[int]:
        """Return the UIDs that the server finds, ascending."""
        self._reopen_if_dropped()
        return self._told(lambda: sorted(map(int, self._client.search(criteria))))

    def _asked(self, ask: Callable[[], Result]) -> Result | None:
        """Return the answer, or None for an unusable one; a failed connection raises."""
        self._reopen_if_dropped()
        with suppress(UnusableAnswerError):
            return self._told(ask)
        return None

    def _reopen_if_dropped(self) -> None:
        if self._client is None and self._told(self._open) != self._validity:
            self._drop()
            raise MailboxError(
                "The mailbox was made anew on the server while it was read. Kith will try again."
            )

    def _told(self, act: Callable[[], Result]) -> Result:
        """Run `act`; after any failure the connection is dropped, since its state is unknown."""
        try:
            return act()
        except MailboxError:
            self._drop()
            raise
        except Exception as error:
            self._drop()
            words = explain_failure(error, self._server)
            if is_of_the_connection(error):
                raise MailboxError(words) from error
            raise UnusableAnswerError(words) from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            cut(client)


def _uid_set(uids: Sequence[int]) -> str:
    return ",".join(map(str, uids))
