"""format=flowed text with its soft line ends joined (RFC 3676)."""


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Return `text` with flowed lines joined; `delete_space` is the parameter DelSp=yes."""
    shown: list[str] = []
    pieces: list[str] = []
    depth_before = -1
    flowing = False
    for line in text.split("\n"):
        depth, content = _split_quote(line)
        soft = content.endswith(" ") and content != "-- "
        if not (flowing and depth_before == depth and content != "-- ") and depth_before >= 0:
            shown.append(_quoted(depth_before, "".join(pieces)))
            pieces.clear()
        pieces.append(content[:-1] if soft and delete_space else content)
        depth_before, flowing = depth, soft
    return "\n".join((*shown, _quoted(max(depth_before, 0), "".join(pieces))))


def _split_quote(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    depth = len(line) - len(content)
    return depth, content.removeprefix(" ")


def _quoted(depth: int, content: str) -> str:
    if not depth:
        return content
    return ">" * depth + (" " + content if content else "")
