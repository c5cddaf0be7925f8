"""The `kith` command: first makes sure that the four floors imported are ours.

`intake` and `config` are common names: another package of that name in the same environment, or a
`config.py` in the working directory, would be imported in place of ours. This room may therefore
import nothing but the standard library at its top.
"""

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

FLOORS = ("config", "intake", "replies", "casework")


def foreign_floors() -> list[str]:
    """Return a line for each floor that would be imported from elsewhere than this tree."""
    home = Path(__file__).resolve().parent.parent
    return [
        f"{floor}: found at {where}, expected in {home}"
        for floor in FLOORS
        if (where := _origin(floor)) != home / floor
    ]


def _origin(floor: str) -> Path | None:
    spec = importlib.util.find_spec(floor)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    foreign = foreign_floors()
    if foreign:
        print(
            "Kith cannot start: another package has taken the place of one of its own.\n  "
            + "\n  ".join(foreign)
            + "\nInstall Kith in an environment of its own (make install), and start it from a "
            "directory without a config.py.",
            file=sys.stderr,
        )
        return 2
    from casework.cli import main  # only now is it certain whose module this is

    return main(argv)


if __name__ == "__main__":
    sys.exit(run())
