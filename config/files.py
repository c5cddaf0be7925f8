"""The files Kith ships, and the site's own files laid over them."""

from importlib.resources import files
from pathlib import Path, PurePosixPath

from config.errors import KithError


class MissingFileError(KithError):
    """Neither the site nor Kith itself has a file of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no file called {name!r}, neither yours nor one shipped with Kith."
        )


def read_bytes(name: str, site_dir: Path | None = None) -> bytes:
    """Return the site's own file `name` if it has one, else the packaged default.

    Raises `MissingFileError` when there is neither, or when `name` tries to leave the directory.
    """
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise MissingFileError(name)
    if site_dir is not None and (own := site_dir / relative).is_file():
        return own.read_bytes()
    packaged = files("config").joinpath("defaults", *relative.parts)
    if not packaged.is_file():
        raise MissingFileError(name)
    return packaged.read_bytes()


def read_text(name: str, site_dir: Path | None = None) -> str:
    """Return `read_bytes(name, site_dir)` as UTF-8 text."""
    return read_bytes(name, site_dir).decode("utf-8")
