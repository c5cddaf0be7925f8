"""The site's own files are laid over those that Kith ships."""

from pathlib import Path

import pytest

from config.files import MissingFileError, read_text


def test_the_packaged_file_is_read_where_the_site_has_none(tmp_path: Path) -> None:
    assert read_text("screening.toml", tmp_path) == read_text("screening.toml")


def test_a_file_of_the_sites_own_is_preferred(tmp_path: Path) -> None:
    (tmp_path / "screening.toml").write_text("ours = true\n")
    assert read_text("screening.toml", tmp_path) == "ours = true\n"


@pytest.mark.parametrize("name", ["no-such-file", "../settings/__init__.py", "/etc/passwd"])
def test_a_name_that_leads_nowhere_or_out_of_the_directory_is_refused(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(MissingFileError):
        read_text(name, tmp_path)
