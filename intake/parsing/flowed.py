"""format=flowed text with its soft line ends joined (RFC 3676)."""


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Return `text` with flowed lines joined; `delete_space` is the parameter DelSp=yes."""
    paragraphs: list[tuple[int, list[str]]] = []
    flowing = False
    for line in text.split("\n"):
        depth, content = _split_quote(line)
        soft = content.endswith(" ") and content != "-- "
        shown = content[:-1] if soft and delete_space else content
        if flowing and paragraphs[-1][0] == depth and content != "-- ":
            paragraphs[-1][1].append(shown)
        else:
            paragraphs.append((depth, [shown]))
        flowing = soft
    return "\n".join(_quoted(depth, "".join(pieces)) for depth, pieces in paragraphs)


def _split_quote(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    depth = len(line) - len(content)
    return depth, content.removeprefix(" ")


def _quoted(depth: int, content: str) -> str:
    if not depth:
        return content
    return ">" * depth + (" " + content if content else "")
