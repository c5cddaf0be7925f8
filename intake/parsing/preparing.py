"""Before parsing: what stands in front of the first header, and line ends nobody else uses."""

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n\x00"
_LOOK = 100_000


def prepare(raw: bytes) -> tuple[bytes, int] | None:
    """Return the mail and where its headers begin, or None if there is nothing but blanks.

    The bytes are copied only where line ends have to be repaired; everything else (a byte order
    mark, blank lines, one mbox `From ` line) is skipped.
    """
    if not raw or (not raw[:1000].strip(_BLANK) and not raw.strip(_BLANK)):
        return None
    raw = _repair_line_ends(raw)
    position = _skip_blank(raw, len(_BOM) if raw.startswith(_BOM) else 0)
    if raw.startswith((b"From ", b">From "), position):
        end = raw.find(b"\n", position, position + 1000)
        position = _skip_blank(raw, end + 1) if end >= 0 else position
    return raw, position


def _repair_line_ends(raw: bytes) -> bytes:
    head = raw[:_LOOK]
    if b"\n" not in head and b"\r" in head:
        return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    first = head.find(b"\n")
    if head[max(first - 2, 0) : first] == b"\r\r":
        return raw.replace(b"\r\r\n", b"\n")
    return raw


def _skip_blank(raw: bytes, position: int) -> int:
    """Return the start of the first line at or after `position` that is not blank."""
    content = position
    while content < len(raw) and raw[content] in _BLANK:
        content += 1
    start = max(raw.rfind(b"\n", position, content), raw.rfind(b"\r", position, content)) + 1
    return max(start, position) if start else position
