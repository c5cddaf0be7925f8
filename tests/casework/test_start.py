"""Another package called `intake` or `config` must not be taken for ours."""

import subprocess
import sys
from pathlib import Path

from casework.start import foreign_floors

ROOT = Path(__file__).parent.parent.parent


def test_here_all_floors_are_ours() -> None:
    assert foreign_floors() == []


def test_a_config_in_the_working_directory_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("BOOM = 1\n")
    script = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r})\n"
        "from casework.start import run\n"
        "sys.exit(run(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "config: found at" in done.stderr
    assert "environment of its own" in done.stderr


def test_a_foreign_intake_is_refused(tmp_path: Path) -> None:
    (tmp_path / "intake").mkdir()
    (tmp_path / "intake" / "__init__.py").write_text("")
    script = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r})\n"
        "from casework.start import run\n"
        "sys.exit(run(['--help']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "intake: found at" in done.stderr
