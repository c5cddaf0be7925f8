"""Authentication-Results (RFC 8601), read as mail servers really write it."""

from collections.abc import Iterator
from itertools import islice

from intake.message import Message
from intake.screening.reading import MOST_CHARACTERS, MOST_LINES, split_outside

_FAILURE = ("dmarc", "fail")


def trusted_results(message: Message, trusted_ids: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return (method, result) pairs of the topmost header that a server we trust wrote.

    Anybody can write such a header into a mail; only the one our own server put on top counts.
    Forms without a server's name (Microsoft) or with ARC's `i=1;` prove nothing unless the
    trusted name is there.
    """
    if not trusted_ids or "authentication-results" not in message.header_names:
        return ()
    for value in islice(message.values("authentication-results"), MOST_LINES):
        server, results = _parse(value)
        if server in trusted_ids:
            return results
    return ()


def authors_seen(message: Message, trusted_ids: frozenset[str]) -> frozenset[str]:
    """Return the domains that the server we trust read in From, as far as it says (RFC 8601 2.7).

    Every one that stands there counts, in quotes or not: senders get words of theirs into it.
    """
    if not trusted_ids or "authentication-results" not in message.header_names:
        return frozenset()
    for value in islice(message.values("authentication-results"), MOST_LINES):
        if _parse(value)[0] in trusted_ids:
            told = value[:MOST_CHARACTERS].lower().split("header.from=")[1:]
            named = (words[0] for each in told if (words := each.replace(";", " ").split()))
            return frozenset(name.strip("\"'<>()").rpartition("@")[2] for name in named)
    return frozenset()


def _parse(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    value = value[:MOST_CHARACTERS].lower()
    pieces = [piece.strip() for piece in split_outside(value)]
    if pieces[0].replace(" ", "").startswith("i="):
        pieces = pieces[1:]
    if not pieces or "=" in pieces[0]:
        return "", tuple(_results(pieces))
    name = pieces[0].split()[:1]  # a version number may follow
    results = tuple(_results(pieces[1:]))
    return (name[0].strip('"') if name else ""), _with_every_failure(results, value)


def _with_every_failure(
    results: tuple[tuple[str, str], ...], value: str
) -> tuple[tuple[str, str], ...]:
    """Return `results` with a failure of DMARC, and no pass, if there is one in any reading.

    Servers repeat the sender's words without care for quotes and brackets, with which a sender
    could wrap up what follows or make room for a result of his own. A failure is searched for
    in the naked text too: nobody forges that of himself.
    """
    if _FAILURE in results or _FAILURE in _results(value.split(";")):
        others = (result for result in results if result[0] != "dmarc")
        return (*others, _FAILURE)
    return results


def _results(pieces: list[str]) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        method, equals, rest = piece.partition("=")
        words = rest.split(None, 1)
        if equals and words:
            yield method.partition("/")[0].strip(), words[0].strip('"')
