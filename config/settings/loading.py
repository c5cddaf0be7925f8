"""From a file and the environment to `Settings`: defaults, then `kith.toml`, then KITH_*."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from config.settings.catalogue import MORE_MAILBOXES, Key
from config.settings.errors import SettingsError
from config.settings.problems import trouble_with, unknown_problem, wrong_value_problems
from config.settings.sections import Settings
from config.settings.servers import ServerSettings
from config.settings.sources import (
    CONFIG_VARIABLE,
    Given,
    given_in_environment,
    given_in_file,
    overlay,
)

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what `LoadCredential=` names."""

USUAL_FILE = Path("kith.toml")
LEASE = ("service", "lease_seconds")

AnyServer = TypeVar("AnyServer", bound=ServerSettings)


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file at `path` with the KITH_ variables of `environ` on top.

    Without `path` the file is the one KITH_CONFIG names, else ./kith.toml if there is one, else
    none. Relative paths in the file start at the file's directory, those in variables at the
    working directory. Passwords in files and systemd credentials are read here.
    Raises `SettingsError`, which tells every fault that was found.
    """
    file = _find_file(path, environ)
    in_file = given_in_file(file) if file else ()
    given = overlay(in_file, given_in_environment(environ))
    settings = _validated(given, _base(file))
    if problems := (*_site_dir_problems(settings, given), *_lease_problems(settings, given)):
        raise SettingsError(*problems)
    return _with_passwords(settings, given, environ)


def _find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named)
    return USUAL_FILE if os.path.lexists(USUAL_FILE) else None


def _base(file: Path | None) -> Path:
    return (file or USUAL_FILE).absolute().parent


def _validated(given: tuple[Given, ...], base: Path) -> Settings:
    problems = tuple(unknown_problem(each) for each in given if not each.is_known)
    known = [each for each in given if each.is_known]
    try:
        settings = Settings.model_validate(_nested(known, base))
    except ValidationError as error:
        raise SettingsError(*problems, *wrong_value_problems(error, known)) from None
    if problems:
        raise SettingsError(*problems)
    return settings


def _nested(given: Iterable[Given], base: Path) -> dict[str, Any]:
    top: dict[str, Any] = {"data_dir": str(base / "data")}
    for each in given:
        section = top
        for name in each.key[:-1]:
            section = section.setdefault(name, {})
        section[each.key[-1]] = each.value
    return top


def _site_dir_problems(settings: Settings, given: Iterable[Given]) -> tuple[str, ...]:
    # os.path answers where Path would raise: a name too long, a directory that is closed to us
    if settings.site_dir is None or os.path.isdir(settings.site_dir):
        return ()
    wording = "names a directory that is not there, or is closed to Kith. Make it first."
    return (_trouble(given, ("site_dir",), wording),)


def _lease_problems(settings: Settings, given: tuple[Given, ...]) -> tuple[str, ...]:
    """Refuse a lease that may end while a letter is still on its way."""
    lease, timeout = settings.service.lease_seconds, settings.smtp.timeout
    if lease >= 2 * timeout:
        return ()
    why = "or a letter could still be on its way when its lease ends."
    if LEASE in {each.key for each in given}:
        wording = f"must be {2 * timeout:g} or more, twice timeout in [smtp], {why}"
        return (_trouble(given, LEASE, wording),)
    wording = f"must be {lease / 2:g} or less, half of lease_seconds in [service], {why}"
    return (_trouble(given, ("smtp", "timeout"), wording),)


def _trouble(given: Iterable[Given], key: Key, wording: str) -> str:
    return next(trouble_with(each, wording) for each in given if each.key == key)


def _with_passwords(
    settings: Settings, given: tuple[Given, ...], environ: Mapping[str, str]
) -> Settings:
    def complete(server: AnyServer, *place: str) -> AnyServer:
        return server.model_copy(update={"password": _password(server, place, given, environ)})

    more = {
        name: complete(mailbox, MORE_MAILBOXES, name)
        for name, mailbox in settings.mailboxes.items()
    }
    secret = _client_secret(settings, given, environ)
    return settings.model_copy(
        update={
            "mailbox": complete(settings.mailbox, "mailbox"),
            "smtp": complete(settings.smtp, "smtp"),
            MORE_MAILBOXES: more,
            "oauth": settings.oauth.model_copy(update={"client_secret": secret}),
        }
    )


def _password(
    server: ServerSettings, place: Key, given: tuple[Given, ...], environ: Mapping[str, str]
) -> SecretStr | None:
    if server.password is not None:
        return server.password
    return _secret_in_file((*place, "password_file"), server.password_file, given, environ)


def _client_secret(
    settings: Settings, given: tuple[Given, ...], environ: Mapping[str, str]
) -> SecretStr | None:
    if settings.oauth.client_secret is not None:
        return settings.oauth.client_secret
    file = settings.oauth.client_secret_file
    return _secret_in_file(("oauth", "client_secret_file"), file, given, environ)


def _secret_in_file(
    key: Key, file: Path | None, given: tuple[Given, ...], environ: Mapping[str, str]
) -> SecretStr | None:
    if file is not None:
        return _read_password(file, _trouble(given, key, "names a file that"))
    credential = _credential("_".join(key).removesuffix("_file"), environ)
    if credential is None:
        return None
    return _read_password(credential, f"The systemd credential {credential.name}")


def _credential(name: str, environ: Mapping[str, str]) -> Path | None:
    directory = environ.get(CREDENTIALS_VARIABLE)
    if not directory:
        return None
    credential = Path(directory) / name
    return credential if os.path.lexists(credential) else None


def _read_password(file: Path, told: str) -> SecretStr:
    try:
        password = file.read_bytes().decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"{told} cannot be read: {error.strerror}. Check {file}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{told} is not UTF-8 text. Save it again as UTF-8.") from None
    except ValueError:
        raise SettingsError(f"{told} cannot exist under that name.") from None
    if not password:
        raise SettingsError(f"{told} is empty. Put the password into it.")
    return SecretStr(password)
