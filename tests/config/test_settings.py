"""What the settings promise: one typed value, and plain words for every mistake."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import (
    MailboxSettings,
    Mode,
    Security,
    Settings,
    SettingsError,
    SmtpSettings,
    load_settings,
    value_problem,
)

SECRET = "correct-horse"
WORKING = {
    "KITH_GROUP__ADDRESS": "help@group.example.org",
    "KITH_MAILBOX__HOST": "imap.example.org",
    "KITH_MAILBOX__USERNAME": "help@group.example.org",
    "KITH_MAILBOX__PASSWORD": SECRET,
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a directory of the test's own, so that no kith.toml is found by chance."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(directory: Path, text: str, name: str = "kith.toml") -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


def fault(text: str, directory: Path, **variables: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(write(directory, text), variables)
    return str(raised.value)


def variable_fault(**variables: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, variables)
    return str(raised.value)


def test_without_file_and_variables_everything_has_its_default(here: Path) -> None:
    settings = load_settings(None, {})
    assert settings == Settings(data_dir=here / "data")
    assert settings.mode is Mode.SHADOW
    assert (settings.mailbox.port, settings.smtp.port) == (993, 465)
    assert settings.limits.acknowledgements_per_address_per_day == 3


def test_the_environment_alone_is_enough() -> None:
    settings = load_settings(None, {**WORKING, "PATH": "/bin", "LANG": "en_GB.UTF-8"})
    assert settings.mailbox.host == "imap.example.org"
    assert settings.missing_for_service() == ()


def test_a_variable_counts_more_than_the_file(here: Path) -> None:
    file = write(here, '[mailbox]\nhost = "imap.example.org"\nport = 1143\n')
    settings = load_settings(file, {"KITH_MAILBOX__PORT": "2143"})
    assert (settings.mailbox.host, settings.mailbox.port) == ("imap.example.org", 2143)


def test_kith_toml_in_the_working_directory_is_found(here: Path) -> None:
    write(here, 'mode = "live"\n')
    assert load_settings(None, {}).mode is Mode.LIVE


def test_kith_config_names_another_file_and_a_given_path_counts_more(here: Path) -> None:
    write(here, 'mode = "live"\n')
    other = write(here, "[web]\nport = 1\n", "other.toml")
    third = write(here, "[web]\nport = 2\n", "third.toml")
    named = load_settings(None, {"KITH_CONFIG": str(other)})
    assert (named.mode, named.web.port) == (Mode.SHADOW, 1)
    assert load_settings(third, {"KITH_CONFIG": str(other)}).web.port == 2


def test_a_missing_file_is_an_error_that_names_it() -> None:
    assert "nowhere.toml cannot be read" in variable_fault(KITH_CONFIG="nowhere.toml")


def test_a_directory_in_the_place_of_the_file_is_told_plainly(here: Path) -> None:
    (here / "kith.toml").mkdir()
    assert "kith.toml cannot be read: Is a directory" in variable_fault()


def test_a_file_with_a_windows_beginning_and_line_ends_is_read(here: Path) -> None:
    file = here / "kith.toml"
    file.write_bytes(b'\xef\xbb\xbfmode = "live"\r\n[web]\r\nport = 80\r\n')
    settings = load_settings(file, {})
    assert (settings.mode, settings.web.port) == (Mode.LIVE, 80)


def test_a_file_that_is_not_utf8_is_told_plainly(here: Path) -> None:
    file = here / "kith.toml"
    file.write_bytes(b'[group]\nname = "Caf\xe9"\n')
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(file, {})


def test_broken_toml_is_told_with_its_line(here: Path) -> None:
    assert "line 2" in fault("[web]\nport = eighty\n", here)


def test_relative_paths_in_the_file_start_at_the_file(here: Path) -> None:
    home = here / "etc"
    (home / "site").mkdir(parents=True)
    (home / "pw").write_text(SECRET)
    text = 'data_dir = "d"\nsite_dir = "site"\n[mailbox]\npassword_file = "pw"\n'
    settings = load_settings(write(home, text), {})
    assert (settings.data_dir, settings.site_dir) == (home / "d", home / "site")
    assert settings.mailbox.password is not None


def test_the_data_directory_is_beside_the_file_wherever_kith_is_started(here: Path) -> None:
    home = here / "etc"
    home.mkdir()
    assert load_settings(write(home, ""), {}).data_dir == home / "data"
    assert load_settings(Path("etc/kith.toml"), {}).data_dir == home / "data"


def test_relative_paths_in_variables_start_at_the_working_directory(here: Path) -> None:
    home = here / "etc"
    home.mkdir()
    settings = load_settings(write(home, ""), {"KITH_DATA_DIR": "elsewhere"})
    assert settings.data_dir == here / "elsewhere"


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_relative_sqlite_file_is_beside_the_settings(here: Path, scheme: str) -> None:
    settings = load_settings(write(here, f'[database]\nurl = "{scheme}:///k.db"\n'), {})
    assert settings.database_url == f"{scheme}:///{here}/k.db"


@pytest.mark.parametrize(
    "url", ["sqlite:////var/k.db", "sqlite:///:memory:", "sqlite://", "postgresql://kith@db/kith"]
)
def test_other_database_urls_stay_as_they_are(here: Path, url: str) -> None:
    assert load_settings(None, {"KITH_DATABASE__URL": url}).database_url == url


def test_the_default_database_is_in_the_data_directory() -> None:
    settings = load_settings(None, {"KITH_DATA_DIR": "/srv/kith"})
    assert settings.database_url == "sqlite:////srv/kith/kith.sqlite3"


def test_an_unknown_key_is_told_with_file_line_and_nearest_name(here: Path) -> None:
    told = fault('# ours\n[mailbox]\nhost = "x.example.org"\nprot = 993\n', here)
    assert told.startswith(f"{here / 'kith.toml'}, line 4:")
    assert "prot in [mailbox]" in told
    assert "Did you mean port?" in told


def test_an_unknown_section_is_told_with_the_nearest_name(here: Path) -> None:
    told = fault('\n[smpt]\nhost = "x.example.org"\n', here)
    assert "line 2" in told
    assert "Did you mean [smtp]?" in told


def test_a_key_in_the_wrong_place_is_told_where_it_belongs(here: Path) -> None:
    told = fault("reply_days = 3\n", here)
    assert "above the first section" in told
    assert "Did you mean reply_days in [group]?" in told
    assert "Did you mean mode above the first section?" in fault('[web]\nmode = "live"\n', here)


def test_a_key_like_nothing_known_points_at_the_manual(here: Path) -> None:
    assert "docs/settings.md" in fault("zzz = 1\n", here)


def test_a_section_written_as_a_value_is_told(here: Path) -> None:
    assert "Write [limits] on a line of its own" in fault("limits = 3\n", here)
    assert "Write [web] on a line of its own" in fault("[[web]]\nport = 1\n", here)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mailbox = { prot = 1 }\n", 1),
        ("\nmailbox.prot = 1\n", 2),
        ('[mailbox]\n"prot" = 1\n', 2),
        ("[ mailbox ] # ours\n\n  prot=1\n", 3),
        ('[group]\nname = """\nprot = 1\n"""\n[mailbox]\nprot = 1\n', 6),
        ('[group]\naliases = [\n "a@example.org",\n]\n[mailbox]\nprot = 1\n', 6),
    ],
)
def test_the_line_is_right_however_the_key_is_written(here: Path, text: str, line: int) -> None:
    assert f", line {line}: there is no setting prot" in fault(text, here)


def test_a_misspelt_variable_is_told_with_the_nearest_name() -> None:
    told = variable_fault(KITH_MAILBOX_HOST="imap.example.org")
    assert told == "KITH_MAILBOX_HOST: there is no such setting. Did you mean KITH_MAILBOX__HOST?"


def test_a_variable_like_nothing_known_gets_no_silly_suggestion() -> None:
    assert "Did you mean" not in variable_fault(KITH_FOO="1")


def test_variables_of_tests_and_measurements_are_left_alone() -> None:
    load_settings(None, {"KITH_TEST_PG_URL": "x", "KITH_BENCH_MAILS": "9"})


def test_all_faults_are_told_at_once(here: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(
            write(here, 'mode = "on"\nprot = 1\n'), {"KITH_WEB__PORT": "x", "KITH_WBE": ""}
        )
    assert len(raised.value.problems) == 4


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("KITH_MODE", "on", "must be one of shadow or live"),
        ("KITH_DATA_DIR", "", "must name a directory"),
        ("KITH_MAILBOX__PORT", "abc", "must be a whole number"),
        ("KITH_MAILBOX__PORT", "", "must be a whole number"),
        ("KITH_MAILBOX__PORT", "0", "must be 1 or more"),
        ("KITH_MAILBOX__PORT", "65536", "must be 65535 or less"),
        ("KITH_MAILBOX__SECURITY", "ssl", "must be one of tls, starttls or none"),
        ("KITH_MAILBOX__HOST", "imap.example.org:993", "without a port"),
        ("KITH_MAILBOX__HOST", "https://imap.example.org", "by itself"),
        ("KITH_MAILBOX__FOLDER", "", "must be one line of plain text"),
        ("KITH_MAILBOX__USERNAME", "a\nb", "must be one line of plain text"),
        ("KITH_MAILBOX__READ_TIMEOUT", "0", "must be more than 0"),
        ("KITH_MAILBOX__READ_TIMEOUT", "nan", "must be"),
        ("KITH_MAILBOX__READ_TIMEOUT", "inf", "must be"),
        ("KITH_SMTP__TIMEOUT", "soon", "must be a number"),
        ("KITH_GROUP__NAME", "Us\r\nBcc: x@example.org", "must be one line of plain text"),
        ("KITH_GROUP__NAME", "n" * 101, "no longer than 100 characters"),
        ("KITH_GROUP__ADDRESS", "Us <us@example.org>", "must be one e-mail address"),
        ("KITH_GROUP__ADDRESS", "us@localhost", "must be one e-mail address"),
        ("KITH_GROUP__ADDRESS", "us@-example.org", "must be one e-mail address"),
        ("KITH_GROUP__ALIASES", "a@example.org, b", "must be one e-mail address"),
        ("KITH_GROUP__GO_LIVE", "tomorrow", "must be a date"),
        ("KITH_GROUP__GO_LIVE", "1764028800", "must be a date"),
        ("KITH_GROUP__REPLY_DAYS", "0", "must be 1 or more"),
        ("KITH_GROUP__PRIVACY_URL", "example.org/privacy", "must begin with https://"),
        ("KITH_GROUP__HELP_URL", "javascript:alert(1)", "must begin with https://"),
        ("KITH_LIMITS__MESSAGE_BYTES", "-1", "must be 0 or more"),
        ("KITH_LIMITS__ATTEMPTS", "0", "must be 1 or more"),
        ("KITH_SERVICE__POLL_SECONDS", "86401", "must be 86400 or less"),
        ("KITH_WEB__HOST", "0.0.0.0", "this computer's own address"),
        ("KITH_WEB__HOST", "", "this computer's own address"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_an_example(
    variable: str, value: str, problem: str
) -> None:
    told = variable_fault(**{variable: value})
    assert told.startswith(f"{variable} ")
    assert problem in told
    assert f"Example: {variable}=" in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[mailbox]\nport = "abc"\n', "port in [mailbox] must be a whole number. "),
        ("[mailbox]\nport = true\n", "port in [mailbox] must be a number. Example: port = 993"),
        ("[mailbox]\nport = 99.5\n", "must be a whole number"),
        ("[mailbox]\nhost = 5\n", 'must be text in quotes. Example: host = "imap.gmail.com"'),
        ("[mailbox]\npassword = 5\n", "must be text in quotes"),
        ("[group]\naliases = 5\n", 'must be a list. Example: aliases = ["hello@'),
        ("[group]\naliases = [5]\n", "must be text in quotes"),
        ("[group]\ngo_live = 5\n", "must be a date. Example: go_live = 2026-12-01"),
        ("[group]\ngo_live = 10:00:00\n", "must be a date"),
        ("[mode]\nx = 1\n", "mode must be one of shadow or live"),
    ],
)
def test_a_wrong_value_in_the_file_is_told_with_its_line(
    here: Path, text: str, problem: str
) -> None:
    told = fault(text, here)
    assert problem in told
    assert told.startswith(f"{here / 'kith.toml'}, line {1 if text.startswith('[mode') else 2}: ")


def test_every_example_in_a_message_is_itself_right() -> None:
    from config.settings.catalogue import all_settings, variable_text

    for setting in all_settings():
        assert value_problem(setting.key, setting.example) == "", setting.key
        assert value_problem(setting.key, variable_text(setting.example)) == "", setting.key


@pytest.mark.parametrize("port", ["993x", SECRET])
def test_no_value_is_ever_shown(here: Path, port: str) -> None:
    text = f'[mailbox]\nport = "{port}"\npassword = "{SECRET}"\npassword_file = "{SECRET}"\n'
    told = fault(text, here, KITH_PASSWORD=SECRET, KITH_SMTP__PORT=SECRET)
    assert SECRET not in told
    assert port not in told
    with pytest.raises(ValidationError) as raised:
        SmtpSettings(port=SECRET)
    assert SECRET not in str(raised.value)


def test_a_secret_does_not_show_in_the_settings_printed() -> None:
    url = f"postgresql://kith:{SECRET}@db/kith"
    settings = load_settings(None, {**WORKING, "KITH_DATABASE__URL": url})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert settings.mailbox.password is not None
    assert settings.mailbox.password.get_secret_value() == SECRET


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_file_is_read_without_its_newline(here: Path, ending: str) -> None:
    (here / "pw").write_bytes(f" {SECRET} {ending}".encode())
    settings = load_settings(None, {"KITH_SMTP__PASSWORD_FILE": "pw"})
    assert settings.smtp.password is not None
    assert settings.smtp.password.get_secret_value() == f" {SECRET} "
    assert settings.mailbox.password is None


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "No such file"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_bad_password_file_is_told_plainly(
    here: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (here / "pw").write_bytes(content)
    told = variable_fault(KITH_MAILBOX__PASSWORD_FILE="pw")
    assert told.startswith("KITH_MAILBOX__PASSWORD_FILE names a file that")
    assert problem in told


def test_a_password_file_that_cannot_exist_is_told_plainly(here: Path) -> None:
    assert "cannot exist" in fault('[mailbox]\npassword_file = "a\\u0000b"\n', here)


def test_a_password_and_a_password_file_together_are_refused(here: Path) -> None:
    told = fault('[smtp]\npassword = "x"\npassword_file = "y"\n', here)
    assert "line 3: password_file in [smtp] and password are both given" in told


@pytest.mark.parametrize("variable", ["PASSWORD", "PASSWORD_FILE"])
def test_a_secret_in_a_variable_replaces_the_files_whichever_way(here: Path, variable: str) -> None:
    (here / "pw").write_text("from the file")
    (here / "new").write_text("new")
    for text in ('password = "old"', 'password_file = "pw"'):
        settings = load_settings(
            write(here, f"[mailbox]\n{text}\n"), {f"KITH_MAILBOX__{variable}": "new"}
        )
        assert settings.mailbox.password is not None
        assert settings.mailbox.password.get_secret_value() == "new"


def test_an_empty_secret_variable_does_not_hide_the_files_password(here: Path) -> None:
    (here / "pw").write_text(SECRET)
    file = write(here, '[mailbox]\npassword_file = "pw"\n')
    settings = load_settings(file, {"KITH_MAILBOX__PASSWORD": ""})
    assert settings.mailbox.password is not None


def test_a_systemd_credential_is_used_when_nothing_else_is_given(here: Path) -> None:
    (here / "mailbox_password").write_text("credential\n")
    where = {"CREDENTIALS_DIRECTORY": str(here)}
    plain = load_settings(None, where)
    assert plain.mailbox.password is not None
    assert plain.mailbox.password.get_secret_value() == "credential"
    assert plain.smtp.password is None
    told = load_settings(None, {**where, "KITH_MAILBOX__PASSWORD": "told"})
    assert told.mailbox.password is not None
    assert told.mailbox.password.get_secret_value() == "told"


@pytest.mark.parametrize(
    ("security", "imap", "smtp"), [("tls", 993, 465), ("starttls", 143, 587), ("none", 143, 25)]
)
def test_the_port_follows_from_the_security(security: str, imap: int, smtp: int) -> None:
    assert MailboxSettings(security=security).port == imap
    assert SmtpSettings(security=security).port == smtp
    assert SmtpSettings(security=security, port=2525).port == 2525


def test_capitals_in_a_choice_are_accepted() -> None:
    assert MailboxSettings(security="STARTTLS").security is Security.STARTTLS


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_security_none_is_allowed_on_this_computer(host: str) -> None:
    assert MailboxSettings(host=host, security="none").port == 143


@pytest.mark.parametrize(
    "host", ["imap.example.org", "10.0.0.1", "0.0.0.0", "localhost.example.org"]
)
def test_security_none_is_refused_for_any_other_computer(host: str) -> None:
    told = variable_fault(KITH_MAILBOX__HOST=host, KITH_MAILBOX__SECURITY="none")
    assert told.startswith("KITH_MAILBOX__SECURITY may be none only when the server is this")


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T10:00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24T10:00:00+01:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
    ],
)
def test_go_live_is_a_moment_in_utc_from_file_and_variable(
    here: Path, given: str, moment: datetime
) -> None:
    in_file = load_settings(write(here, f"[group]\ngo_live = {given}\n"), {})
    in_variable = load_settings(None, {"KITH_GROUP__GO_LIVE": given})
    assert in_file.group.go_live == in_variable.group.go_live == moment
    assert load_settings(None, {"KITH_GROUP__GO_LIVE": ""}).group.go_live is None


def test_lists_in_variables_are_taken_apart_at_commas() -> None:
    settings = load_settings(
        None,
        {
            "KITH_GROUP__ALIASES": "a@example.org, b@example.org,",
            "KITH_SCREENING__TRUSTED_AUTHSERV_IDS": "mx.google.com",
        },
    )
    assert settings.group.aliases == ("a@example.org", "b@example.org")
    assert settings.screening.trusted_authserv_ids == ("mx.google.com",)


def test_own_addresses_are_all_of_ours_in_lower_case() -> None:
    settings = load_settings(
        None,
        {
            "KITH_GROUP__ADDRESS": "Help@Group.example.org",
            "KITH_GROUP__ALIASES": "Info@group.example.org",
            "KITH_MAILBOX__USERNAME": "Account@gmail.example.com",
        },
    )
    assert settings.own_addresses == {
        "help@group.example.org",
        "info@group.example.org",
        "account@gmail.example.com",
    }
    assert load_settings(None, {"KITH_MAILBOX__USERNAME": "kith"}).own_addresses == frozenset()


@pytest.mark.parametrize("name", ["nowhere", "x" * 5000])
def test_a_site_directory_that_is_not_there_is_an_error(name: str) -> None:
    assert variable_fault(KITH_SITE_DIR=name).startswith("KITH_SITE_DIR names a directory")


def test_a_kith_toml_that_leads_nowhere_is_not_taken_for_none(here: Path) -> None:
    (here / "kith.toml").symlink_to(here / "gone")
    assert "kith.toml cannot be read: No such file" in variable_fault()


def test_a_table_in_the_place_of_a_value_is_told(here: Path) -> None:
    assert "port in [mailbox] must be a" in fault("[mailbox.port]\nx = 1\n", here)
    assert "there is no setting prot in [mailbox]" in fault("[mailbox.prot]\nx = 1\n", here)


def test_what_is_missing_for_the_service_is_told_one_by_one() -> None:
    missing = load_settings(None, {}).missing_for_service()
    assert [line.split("Set ")[1].split(" of")[0] for line in missing] == [
        "address in [group]",
        "host in [mailbox]",
        "username in [mailbox]",
        "password_file in [mailbox]",
    ]


def test_sending_is_only_asked_for_when_kith_is_to_send() -> None:
    live = load_settings(None, {**WORKING, "KITH_MODE": "live"})
    assert [line for line in live.missing_for_service() if "KITH_SMTP__HOST" in line]
    signed_in = load_settings(None, {**WORKING, "KITH_SMTP__USERNAME": "us"})
    assert [line for line in signed_in.missing_for_service() if "KITH_SMTP__PASSWORD_FILE" in line]


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.mode = Mode.LIVE  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.web.port = 1  # type: ignore[misc]


def test_a_lease_shorter_than_two_steps_of_sending_is_an_error(here: Path) -> None:
    told = fault("[service]\nlease_seconds = 119\n", here)
    assert "kith.toml, line 2: lease_seconds in [service] must be 120 or more" in told
    assert "twice timeout in [smtp]" in told
    both = fault("[service]\nlease_seconds = 150\n[smtp]\ntimeout = 90\n", here)
    assert "lease_seconds in [service] must be 180 or more" in both
    in_variable = variable_fault(KITH_SERVICE__LEASE_SECONDS="15", KITH_SMTP__TIMEOUT="10")
    assert "KITH_SERVICE__LEASE_SECONDS must be 20 or more" in in_variable


def test_a_timeout_longer_than_half_of_the_lease_is_an_error(here: Path) -> None:
    told = fault("[smtp]\ntimeout = 60.5\n", here)
    assert "kith.toml, line 2: timeout in [smtp] must be 60 or less" in told
    assert "half of lease_seconds in [service]" in told


def test_a_short_lease_goes_with_a_short_timeout(here: Path) -> None:
    file = write(here, "[service]\nlease_seconds = 10\n[smtp]\ntimeout = 5\n")
    assert load_settings(file, {}).service.lease_seconds == 10


def test_a_wrong_directory_and_a_wrong_lease_are_told_together(here: Path) -> None:
    told = fault('site_dir = "nowhere"\n[service]\nlease_seconds = 5\n', here)
    assert "site_dir" in told
    assert "lease_seconds" in told


def test_a_further_inbox_has_a_section_and_variables_of_its_own(here: Path) -> None:
    file = here / "kith.toml"
    (here / "second").write_text("s3cret\n")
    file.write_text('[mailboxes.archive]\nhost = "imap.example.org"\npassword_file = "second"\n')
    settings = load_settings(file, {"KITH_MAILBOXES__ARCHIVE__FOLDER": "Old mail"})
    archive = settings.mailboxes["archive"]
    assert (archive.host, archive.folder, archive.port) == ("imap.example.org", "Old mail", 993)
    assert archive.password is not None
    assert archive.password.get_secret_value() == "s3cret"
    assert list(settings.all_mailboxes) == ["mailbox", "mailboxes.archive"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[mailboxes.archive]\nhots = "x"\n', "Did you mean host?"),
        ("[mailboxes.archive]\nport = 0\n", "port in [mailboxes.archive] must be 1 or more"),
        ('[mailboxes]\nhost = "x"\n', "there is no setting host in [mailboxes]"),
        ('[mailboxes."My mail"]\nhost = "x"\n', "there is no setting host in [mailboxes.My mail]"),
    ],
)
def test_a_fault_in_a_further_inbox_is_told_with_its_place(
    here: Path, text: str, told: str
) -> None:
    file = here / "kith.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(told)):
        load_settings(file, {})


def test_what_oauth_needs_is_missing_and_a_password_is_not(here: Path) -> None:
    settings = load_settings(
        None,
        {
            "KITH_GROUP__ADDRESS": "help@example.org",
            "KITH_MAILBOX__HOST": "imap.example.org",
            "KITH_MAILBOX__USERNAME": "help@example.org",
            "KITH_MAILBOX__AUTH": "oauth",
        },
    )
    missing = "\n".join(settings.missing_for_service())
    assert "password" not in missing
    assert "KITH_OAUTH__CLIENT_ID" in missing


def test_a_token_address_must_be_encrypted_unless_it_is_this_computer(here: Path) -> None:
    with pytest.raises(SettingsError, match="must begin with https://"):
        load_settings(None, {"KITH_OAUTH__TOKEN_URL": "http://login.example.org/token"})
    assert load_settings(None, {"KITH_OAUTH__TOKEN_URL": "http://127.0.0.1:1/token"})


@pytest.mark.parametrize(("text", "on"), [("true", True), ("no", False), ("0", False)])
def test_a_switch_is_written_in_words(here: Path, text: str, on: bool) -> None:
    assert load_settings(None, {"KITH_MAILBOX__IDLE": text}).mailbox.idle is on
