"""A sink for measurements: a process of its own that accepts everything as fast as it can.

Of each letter it keeps the recipient and the Message-ID. `python -m tests.services.fast_smtp_sink
--port 0 --report FILE` prints its port on the first line, and writes the letters as JSON to the
file (to the standard output without one) when it is told to end.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.services.places import LOOPBACK, ServiceBrokenError, dies_with_us

PROJECT = Path(__file__).resolve().parents[2]
END_OF_DATA = b"\r\n.\r\n"


@dataclass(frozen=True)
class CountedLetter:
    """What the sink keeps of one letter."""

    recipient: str
    message_id: str


class _Conversation(asyncio.Protocol):
    """Just enough of RFC 5321, by hand: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT."""

    def __init__(self, letters: list[CountedLetter]) -> None:
        self._letters = letters
        self._buffer = bytearray()
        self._searched = 0
        self._in_data = False
        self._recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink.example.org ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._take_letter() if self._in_data else self._take_command():
            pass

    def _take_letter(self) -> bool:
        end = self._buffer.find(END_OF_DATA, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(END_OF_DATA))
            return False
        self._letters.append(CountedLetter(self._recipient, _message_id(self._buffer[:end])))
        del self._buffer[: end + len(END_OF_DATA)]
        self._in_data, self._searched = False, 0
        self._transport.write(b"250 2.0.0 taken\r\n")
        return True

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._transport.write(self._answer(line))
        return True

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return b"250-sink.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        if verb == b"RCPT":
            self._recipient = line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")
        elif verb == b"DATA":
            self._in_data = True
            # The empty line that may end an empty letter begins right here.
            self._buffer[:0] = b"\r\n"
            return b"354 go on\r\n"
        elif verb == b"QUIT":
            self._transport.write(b"221 2.0.0 bye\r\n")
            self._transport.close()
            return b""
        return b"250 2.0.0 ok\r\n"


def _message_id(letter: bytearray) -> str:
    # The letter begins with the line end put before it, so every header line follows one.
    head_end = letter.find(b"\r\n\r\n")
    head = bytes(letter if head_end < 0 else letter[:head_end])
    at = head.lower().find(b"\r\nmessage-id:")
    if at < 0:
        return ""
    line = head[at + 2 :].partition(b"\r\n")[0]
    return line.partition(b":")[2].strip().decode("ascii", "replace")


async def serve(port: int, report: Path | None) -> None:
    """Take letters until SIGTERM or SIGINT, then write the report."""
    letters: list[CountedLetter] = []
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await loop.create_server(lambda: _Conversation(letters), LOOPBACK, port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()
    text = json.dumps([asdict(letter) for letter in letters])
    if report is None:
        print(text, flush=True)
    else:
        report.write_text(text)


@dataclass
class SinkProcess:
    """A sink running beside us; `letters` is filled when it has ended."""

    port: int
    host: str = LOOPBACK
    letters: list[CountedLetter] = field(default_factory=list)


@contextmanager
def sink_process() -> Iterator[SinkProcess]:
    """Run a sink in a process of its own; after the `with` block its letters are known."""
    with tempfile.TemporaryDirectory(prefix="kith-sink-") as directory:
        report = Path(directory) / "letters.json"
        command = [
            *dies_with_us("TERM"),
            sys.executable,
            "-m",
            "tests.services.fast_smtp_sink",
            "--port",
            "0",
        ]
        process = subprocess.Popen(
            [*command, "--report", str(report)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        sink = SinkProcess(_read_port(process))
        try:
            yield sink
        finally:
            process.terminate()
            process.wait(timeout=30)
        read = json.loads(report.read_text())
        sink.letters.extend(CountedLetter(**letter) for letter in read)


def _read_port(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.strip().isdigit():
        process.kill()
        raise ServiceBrokenError("The SMTP sink did not start.")
    return int(line)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.report))


if __name__ == "__main__":
    main()
