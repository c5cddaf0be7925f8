"""Files that old programs put into the text itself, between `begin 644 name` and `end`."""

import re
from dataclasses import dataclass

from intake.parsing.transfer import decode_uu_line

_BEGIN = re.compile(r"begin [0-7]{3,4} (\S.{0,250})")
MOST_FILES = 50
"""In one text; what comes after them stays in the text."""
TOO_MANY_FILES = f"its text holds {MOST_FILES} files or more; further ones were left in the text"


@dataclass(frozen=True, slots=True)
class InlineFile:
    """One uuencoded file."""

    name: str
    data: bytes


def take_inline_files(text: str) -> tuple[str, tuple[InlineFile, ...]]:
    """Return `text` without its uuencoded files, and the files.

    Only a block that decodes line by line and ends properly is one: "begin 100 people" is not.
    """
    if "begin " not in text or "\nend" not in text:
        return text, ()
    lines = text.split("\n")
    kept: list[str] = []
    files: list[InlineFile] = []
    position = no_block_before = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        found = _BEGIN.fullmatch(line.rstrip()) if line.startswith("begin ") else None
        if found is None or position < no_block_before or len(files) >= MOST_FILES:
            kept.append(line)
            continue
        data, end = _read_block(lines, position)
        if data:
            files.append(InlineFile(found[1], data))
            position = end
        else:
            kept.append(line)
            no_block_before = end  # whatever begins up to there, fails there too
    return "\n".join(kept), tuple(files)


def _read_block(lines: list[str], position: int) -> tuple[bytes, int]:
    """Return the content of the block, b"" if it is none, and the line after its last."""
    pieces: list[bytes] = []
    while position < len(lines):
        line = lines[position].rstrip("\r")
        position += 1
        if line.strip() == "end":
            return b"".join(pieces), position
        if line.strip() in {"", "`"}:
            continue
        if not line.isascii() or len(line) > 90 or not (piece := decode_uu_line(line.encode())):
            return b"", position
        pieces.append(piece)
    return b"", position
