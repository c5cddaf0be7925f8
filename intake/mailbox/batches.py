"""How many mails are asked for at once, so that no answer outgrows the memory."""

from collections.abc import Iterator, Sequence

from intake.mailbox.server import ImapServer


def bounded_batches(
    sizes: Sequence[tuple[int, int]], server: ImapServer
) -> Iterator[list[tuple[int, int]]]:
    """Yield (uid, size) in batches within the limits; a mail larger than any comes alone."""
    batch: list[tuple[int, int]] = []
    total = 0
    for uid, size in sizes:
        crowded = len(batch) >= server.batch_messages or total + size > server.batch_bytes
        if batch and (crowded or is_outsized(server, size) or is_outsized(server, batch[-1][1])):
            yield batch
            batch, total = [], 0
        batch.append((uid, size))
        total += size
    if batch:
        yield batch


def is_outsized(server: ImapServer, size: int) -> bool:
    return 0 < server.message_bytes < size
