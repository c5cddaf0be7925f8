"""What may not pass the door: characters that a database or a template cannot hold."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def scrub(text: str) -> str:
    """Return `text` without NUL characters and with lone surrogates replaced by U+FFFD.

    PostgreSQL refuses both; SQLite stores NUL and then cuts the text there.
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub(lambda found: "" if found[0] == "\x00" else "\ufffd", text)
