"""The power fails right before and right after every single commit of poll, process and deliver."""

import base64
import json
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from config.database import Base
from tests.simulation.conservation import World, violations
from tests.simulation.kiths import GROUP_ADDRESS, evening
from tests.simulation.letters import Letter, read_letter
from tests.simulation.traffic import Traffic
from tests.simulation.truth import Sort, Truth

ROOT = Path(__file__).parents[2]
NEVER = -1
SORTS = (Sort.PERSONAL, Sort.PERSONAL, Sort.AGAIN, Sort.ROBOT)
EVERY = 3
"""At every third boundary the power fails once more while all is put in order."""


class Killer:
    """The process that lets lives end, and the world in which they take place."""

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        url = engine.url.render_as_string(hide_password=False)
        self._inbox = directory / "inbox.pickle"
        self._letters = directory / "letters.jsonl"
        traffic = Traffic("kill", GROUP_ADDRESS)
        self.mails = [traffic.one(sort, evening(), []) for sort in SORTS]
        self._inbox.write_bytes(pickle.dumps(self.mails))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.casework.commit_killer", str(directory), url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        """Empty the world."""
        self._letters.unlink(missing_ok=True)
        with self._engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())

    def live(self, boundary: int) -> dict[str, Any]:
        """Let a life end at this boundary; return what is told of it."""
        order = {
            "inbox": str(self._inbox),
            "letters": str(self._letters),
            "boundary": boundary,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert not told["killed_in"].startswith("error"), told
        return told

    def what_is_wrong(self) -> list[str]:
        """Return what must hold and does not."""
        inbox: dict[int, Truth] = dict(enumerate(self.mails, start=1))
        with Session(self._engine) as session:
            return violations(session, World(inbox, self._arrived()))

    def _arrived(self) -> list[Letter]:
        if not self._letters.exists():
            return []
        lines = [json.loads(line) for line in self._letters.read_text().splitlines()]
        return [read_letter(recipient, base64.b64decode(raw)) for recipient, raw in lines]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


@pytest.fixture
def killer(engine: Engine, tmp_path: Path) -> Iterator[Killer]:
    """Give a killer on either database."""
    made = Killer(engine, tmp_path)
    yield made
    made.close()


def test_killed_at_any_commit_nothing_is_lost_and_nobody_is_answered_twice(killer: Killer) -> None:
    killer.begin()
    whole = killer.live(NEVER)
    assert killer.what_is_wrong() == []
    chance = random.Random(7)
    killed_in = set()
    for boundary in range(whole["boundaries"]):
        killer.begin()
        killed_in.add(killer.live(boundary)["killed_in"])
        if boundary % EVERY == 0:
            killer.live(chance.randrange(whole["boundaries"]))
        assert killer.live(NEVER)["killed_in"] == ""
        assert killer.what_is_wrong() == [], f"after a kill at boundary {boundary}"
    assert killed_in == {"poll", "process", "deliver"}
