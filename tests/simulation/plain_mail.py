"""A mail put together quickly: the standard way takes milliseconds, and a soak makes thousands."""

from email.header import Header


class PlainMail:
    """Headers in their order and one text; each name stands once."""

    def __init__(self) -> None:
        self._headers: dict[str, str] = {}
        self._text = ""

    def __getitem__(self, name: str) -> str:
        return self._headers.get(name, "")

    def __setitem__(self, name: str, value: str) -> None:
        self._headers[name] = value

    def __delitem__(self, name: str) -> None:
        self._headers.pop(name, None)

    def set_content(self, text: str) -> None:
        """Set the text."""
        self._text = text

    def as_bytes(self) -> bytes:
        """Return the mail as servers carry it."""
        head = "".join(f"{name}: {_encoded(value)}\r\n" for name, value in self._headers.items())
        body = "\r\n".join(self._text.splitlines())
        kind = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        return f"{head}{kind}Content-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n".encode()


def _encoded(value: str) -> str:
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=900).encode()
