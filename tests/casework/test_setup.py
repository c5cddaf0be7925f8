"""`kith init`: plain questions, and files that Kith can start with and nobody else can read."""

import os
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from casework.providers import takes_plus_addresses
from casework.setup import SetupError, init, write_private
from config.settings import Mode, Security, Settings, load_settings

ADDRESS = "help@group.example.org"
LETTERS = "abcdefghijklmnop"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*options: str, answers: str = "") -> Result:
    return CliRunner().invoke(init, options, input=answers)


def run_silently(*options: str, answers: str = "", provider: str = "gmail") -> Result:
    return run(
        "--non-interactive", "--provider", provider, "--address", ADDRESS, *options, answers=answers
    )


def written() -> Settings:
    return load_settings(Path("kith.toml"), {})


def password_of(settings: Settings) -> str:
    assert settings.mailbox.password is not None
    return settings.mailbox.password.get_secret_value()


def permissions(file: str) -> int:
    return stat.S_IMODE(Path(file).stat().st_mode)


def test_the_answers_for_gmail_make_settings_that_are_complete() -> None:
    done = run(answers=f"gmail\n{ADDRESS}\nThe Harbour Group\n7\n01/12/2026\nabcd efgh ijkl mnop\n")
    assert done.exit_code == 0, done.output
    settings = written()
    assert settings.missing_for_service() == ()
    assert settings.mode is Mode.SHADOW
    mailbox, smtp = settings.mailbox, settings.smtp
    assert (mailbox.host, mailbox.port, mailbox.security) == ("imap.gmail.com", 993, Security.TLS)
    assert (smtp.host, smtp.port, smtp.security) == ("smtp.gmail.com", 587, Security.STARTTLS)
    assert (mailbox.username, smtp.username) == (ADDRESS, ADDRESS)
    assert (settings.group.name, settings.group.address) == ("The Harbour Group", ADDRESS)
    assert settings.group.reply_days == 7
    assert settings.group.go_live == datetime(2026, 12, 1, tzinfo=UTC)
    assert settings.screening.trusted_authserv_ids == ("mx.google.com",)
    assert password_of(settings) == LETTERS
    assert smtp.password == mailbox.password


def test_pressing_enter_takes_the_usual_answers() -> None:
    done = run(answers=f"gmail\n{ADDRESS}\n\n\n\n\n")
    assert done.exit_code == 0, done.output
    group = load_settings(
        Path("kith.toml"), {"KITH_MAILBOX__PASSWORD": "x", "KITH_SMTP__PASSWORD": "x"}
    ).group
    assert (group.name, group.reply_days) == ("our group", 5)
    assert group.go_live is not None
    assert abs((group.go_live.date() - datetime.now(UTC).date()).days) <= 1


def test_both_files_are_for_their_owners_eyes_only() -> None:
    before = os.umask(0)
    try:
        run_silently("--password-stdin", answers=f"{LETTERS}\n")
    finally:
        os.umask(before)
    assert permissions("kith.toml") == 0o600
    assert permissions("mailbox-password") == 0o600


def test_the_password_is_neither_in_the_settings_nor_on_the_screen() -> None:
    done = run(answers=f"gmail\n{ADDRESS}\n\n\n\n{LETTERS}\n")
    assert LETTERS not in Path("kith.toml").read_text(encoding="utf-8")
    assert LETTERS not in done.output
    assert Path("mailbox-password").read_text(encoding="utf-8") == f"{LETTERS}\n"


def test_the_new_file_keeps_every_comment() -> None:
    run_silently()
    text = Path("kith.toml").read_text(encoding="utf-8")
    assert "# How the connection is protected" in text
    assert "#poll_seconds = 60" in text


def test_it_ends_with_the_next_commands_in_their_order() -> None:
    output = run_silently().output
    places = [output.index(each) for each in ("kith db upgrade", "kith check", "kith run")]
    assert places == sorted(places)


def test_it_tells_how_to_make_an_app_password() -> None:
    output = run_silently().output
    assert "https://myaccount.google.com/apppasswords" in output
    assert "2-Step Verification" in output


def test_an_existing_file_is_never_overwritten(here: Path) -> None:
    Path("kith.toml").write_text("mine", encoding="utf-8")
    done = run_silently("--password-stdin", answers=f"{LETTERS}\n")
    assert isinstance(done.exception, SetupError)
    assert "is there already" in str(done.exception)
    assert os.listdir(here) == ["kith.toml"]
    assert Path("kith.toml").read_text(encoding="utf-8") == "mine"


def test_a_dangling_link_in_the_files_place_is_not_followed(here: Path) -> None:
    Path("kith.toml").symlink_to(here / "elsewhere")
    assert isinstance(run_silently().exception, SetupError)
    assert not (here / "elsewhere").exists()


def test_an_existing_password_is_kept_and_not_asked_for() -> None:
    Path("mailbox-password").write_text("kept\n", encoding="utf-8")
    done = run(answers=f"gmail\n{ADDRESS}\n\n\n\n")
    assert done.exit_code == 0, done.output
    assert "is kept" in done.output
    assert password_of(written()) == "kept"


def test_a_password_left_for_later_is_told_and_has_a_private_place() -> None:
    done = run_silently()
    assert "Still to do: put the app password into mailbox-password." in done.output
    assert permissions("mailbox-password") == 0o600
    Path("mailbox-password").write_text(f"{LETTERS}\n", encoding="utf-8")
    assert written().missing_for_service() == ()


def test_a_password_that_is_no_app_password_is_doubted_but_taken() -> None:
    done = run_silently("--password-stdin", answers="MyDog2026!\n")
    assert "looks different" in done.output
    assert password_of(written()) == "MyDog2026!"


def test_another_provider_gets_servers_named_after_the_address() -> None:
    done = run_silently("--password-stdin", answers="two words \n", provider="other")
    assert done.exit_code == 0, done.output
    settings = written()
    assert settings.mailbox.host == "imap.group.example.org"
    assert settings.smtp.host == "smtp.group.example.org"
    assert settings.screening.trusted_authserv_ids == ()
    assert password_of(settings) == "two words "


def test_servers_and_user_name_can_be_given() -> None:
    options = ("--imap-host", "in.example.net", "--smtp-host", "out.example.net")
    run_silently(*options, "--username", "kith", "--password-stdin", answers="x\n")
    settings = written()
    assert (settings.mailbox.host, settings.smtp.host) == ("in.example.net", "out.example.net")
    assert settings.mailbox.username == "kith"


def test_for_microsoft_no_password_is_asked_but_the_app_that_may_sign_in(here: Path) -> None:
    done = run(answers=f"microsoft365\n{ADDRESS}\n\n\n\nabc-123\n")
    assert done.exit_code == 0, done.output
    assert "kith login microsoft" in done.output
    assert os.listdir(here) == ["kith.toml"]
    settings = written()
    assert (settings.mailbox.host, settings.mailbox.port) == ("outlook.office365.com", 993)
    assert (settings.smtp.host, settings.smtp.port) == ("smtp.office365.com", 587)
    assert settings.uses_oauth
    assert (settings.oauth.provider, settings.oauth.client_id) == ("microsoft", "abc-123")
    assert settings.missing_for_service() == ()


def test_plus_addresses_are_trusted_only_where_the_provider_is_known_to_take_them() -> None:
    assert takes_plus_addresses("IMAP.gmail.com")
    assert not takes_plus_addresses("imap.example.org")


def test_a_wrong_answer_is_explained_and_asked_for_again() -> None:
    done = run(answers=f"gmail\nus\n{ADDRESS}\n\nsoon\n3\n31/11/2026\n30/11/2026\n{LETTERS}\n")
    assert done.exit_code == 0, done.output
    assert "must be one e-mail address" in done.output
    assert "must be a whole number" in done.output
    assert "must be a date such as 01/12/2026" in done.output
    assert (written().group.address, written().group.reply_days) == (ADDRESS, 3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--address", "us"), "must be one e-mail address"),
        (("--address", ADDRESS, "--reply-days", "0"), "must be 1 or more"),
        (("--address", ADDRESS, "--go-live", "soon"), "must be a date such as"),
        (("--address", ADDRESS, "--group-name", " "), "must not be empty"),
        (("--address", ADDRESS, "--imap-host", "a:993"), "without a port"),
        ((), "--address is needed"),
    ],
)
def test_a_wrong_or_missing_option_is_told_and_writes_nothing(
    here: Path, options: tuple[str, ...], told: str
) -> None:
    done = run("--non-interactive", "--provider", "gmail", *options)
    assert done.exit_code == 2
    assert told in done.output
    assert os.listdir(here) == []


def test_without_a_provider_and_with_nobody_to_ask_the_choices_are_named() -> None:
    done = run("--non-interactive", "--address", ADDRESS)
    assert done.exit_code == 2
    assert "gmail, microsoft365, other" in done.output


@pytest.mark.parametrize(
    "name", ['The "Harbour" Group', "Teulu Môn # 1", "back\\slash", "O'Hara's"]
)
def test_any_name_survives_the_writing(name: str) -> None:
    run_silently("--group-name", name, "--password-stdin", answers="x\n")
    assert written().group.name == name


def test_another_directory_can_be_chosen_and_is_told_to_kith(here: Path) -> None:
    home = here / "my group"
    home.mkdir()
    done = run_silently("--directory", str(home))
    assert f"export KITH_CONFIG='{home}/kith.toml'" in done.output
    assert (home / "mailbox-password").exists()


def test_go_live_is_written_as_a_date() -> None:
    run_silently("--go-live", "2026-12-01", "--password-stdin", answers="x\n")
    assert "\ngo_live = 2026-12-01\n" in Path("kith.toml").read_text(encoding="utf-8")
    assert written().group.go_live == datetime.combine(date(2026, 12, 1), datetime.min.time(), UTC)


def test_a_directory_that_cannot_be_written_is_told_plainly(here: Path) -> None:
    with pytest.raises(SetupError, match="cannot be written: No such file or directory"):
        write_private(here / "gone" / "kith.toml", "")


def test_init_is_a_command_that_explains_its_options() -> None:
    assert isinstance(init, click.Command)
    output = run("--help").output
    assert init.name == "init"
    assert "--non-interactive" in output
