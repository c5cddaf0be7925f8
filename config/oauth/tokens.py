"""The tokens on file: private, never half written, and shared by all processes of a computer."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.oauth.answers import Grant, is_token
from config.oauth.errors import TokenFileError, TokenServerUnreachableError

OWNER_ONLY_DIRECTORY = 0o700
OWNER_ONLY_FILE = 0o600
LARGEST_FILE = 256 * 1024
LOCK_LOOK_S = 0.05
MOMENTS = ("access_ends", "signed_in", "refreshed", "refresh_ends", "refused")


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """What is kept of a sign-in; all moments in UTC.

    `signed_in`: when a person allowed it. `refreshed`: when an access token was last had.
    `refresh_ends`: only where the provider told. `refused`: since when the provider wants a person
    to sign in again. `account`: as the provider named it, if it did.
    """

    provider: str
    client_id: str
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    access_ends: datetime
    signed_in: datetime
    refreshed: datetime
    account: str = field(default="", repr=False)
    refresh_ends: datetime | None = None
    refused: datetime | None = None


def stored(
    grant: Grant, now: datetime, *, provider: str, client_id: str, account: str = ""
) -> StoredTokens:
    """Return what to keep of the tokens that a person has just allowed."""
    return StoredTokens(
        provider=provider,
        client_id=client_id,
        refresh_token=grant.refresh_token,
        access_token=grant.access_token,
        access_ends=now + timedelta(seconds=grant.lifetime),
        signed_in=now,
        refreshed=now,
        account=account,
        refresh_ends=_end_of_refresh_token(grant, now),
    )


def _end_of_refresh_token(grant: Grant, now: datetime) -> datetime | None:
    lifetime = grant.refresh_lifetime
    return None if lifetime is None else now + timedelta(seconds=lifetime)


def renewed(old: StoredTokens, grant: Grant, now: datetime) -> StoredTokens:
    """Return `old` with a new access token, and the new refresh token where the provider gave one.

    Without a new one the old stays good (RFC 6749 6).
    """
    return StoredTokens(
        provider=old.provider,
        client_id=old.client_id,
        refresh_token=grant.refresh_token or old.refresh_token,
        access_token=grant.access_token,
        access_ends=now + timedelta(seconds=grant.lifetime),
        signed_in=old.signed_in,
        refreshed=now,
        account=old.account,
        refresh_ends=_end_of_refresh_token(grant, now) or old.refresh_ends,
    )


def load(file: Path) -> StoredTokens | None:
    """Return the tokens on file, None if nobody has signed in yet. Raises `TokenFileError`."""
    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TokenFileError(
            f"The file of tokens {file} cannot be read ({error.strerror}). It must belong to the "
            "user that Kith runs as."
        ) from None
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise TokenFileError(
            f"The file of tokens {file} is damaged. Remove it and sign in again (kith login)."
        ) from None


def _read(kept: dict[str, Any]) -> StoredTokens:
    values = {each.name: kept[each.name] for each in fields(StoredTokens) if each.name in kept}
    for name in MOMENTS:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    tokens = StoredTokens(**values)
    _check(tokens)
    return tokens


def _check(tokens: StoredTokens) -> None:
    if not (is_token(tokens.refresh_token) and is_token(tokens.access_token)):
        raise ValueError("these are no tokens")
    names: tuple[object, ...] = (tokens.provider, tokens.client_id, tokens.account)
    moments: tuple[object, ...] = (tokens.access_ends, tokens.signed_in, tokens.refreshed)
    if not all(isinstance(name, str) for name in names):
        raise ValueError("these are no names")
    if not all(isinstance(moment, datetime) for moment in moments):
        raise ValueError("these are no moments")


def save(file: Path, tokens: StoredTokens) -> None:
    """Put `tokens` on file, whole or not at all, readable by its owner only.

    Raises `TokenFileError`.
    """
    kept = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(tokens).items()
    }
    try:
        make_private_directory(file.parent)
        _replace(file, json.dumps(kept, indent=1).encode("ascii"))
    except OSError as error:
        raise TokenFileError(
            f"The file of tokens {file} cannot be written ({error.strerror}). Its directory must "
            "belong to the user that Kith runs as."
        ) from None


def make_private_directory(directory: Path) -> None:
    """Make `directory` and those above it, for their owner only; leave alone what is there."""
    if not directory.is_dir():
        make_private_directory(directory.parent)
        directory.mkdir(mode=OWNER_ONLY_DIRECTORY, exist_ok=True)


def _replace(file: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # 0600 from birth
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync(file.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def only_one(file: Path, left: Callable[[], float]) -> Iterator[None]:
    """Hold the right to change `file` against all other threads and processes.

    Waits no longer than `left()` says, then raises `TokenServerUnreachableError`: another process
    is talking to the server all that time. Raises `TokenFileError` where no lock can be had.
    """
    try:
        make_private_directory(file.parent)
        # A file of its own: the other is replaced, and a lock would stay with the old one.
        lock = file.with_name(f"{file.name}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY_FILE)
    except OSError as error:
        raise TokenFileError(
            f"The file of tokens {file} cannot be locked ({error.strerror}). Its directory must "
            "belong to the user that Kith runs as."
        ) from None
    try:
        _wait_for_lock(handle, left)
        yield
    finally:
        # Closing alone would not do: a process forked meanwhile holds the same open file.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _wait_for_lock(handle: int, left: Callable[[], float]) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            try:
                wait = min(LOCK_LOOK_S, left())
            except TimeoutError:
                raise TokenServerUnreachableError("has kept another process waiting") from None
            time.sleep(wait)
