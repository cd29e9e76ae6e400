"""What a run was made with, for whoever wants its figures again. No torch in here."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

from lwtrain.config.run_folders import WORDS
from lwtrain.machine import describe_machine
from lwtrain.plain_files import read_plain
from lwtrain.version import VERSION

CODE = Path(__file__).parent


def provenance(run_dir: Path) -> dict[str, Any]:
    """Give the command, the version and revision of lwtrain's code, and the machine.

    Args:
        run_dir: The run's folder, where Hydra has left the words of the command line.
    """
    return {
        "command": command_of(run_dir),
        "lwtrain": VERSION,
        "revision": revision(),
        "machine": describe_machine(),
    }


def command_of(run_dir: Path) -> str | None:
    """Give the command that makes the same run again; None of a run that was not started from the command line."""
    try:
        words = read_plain(run_dir / WORDS)
    except (OSError, ValueError):
        return None
    return shlex.join(["python", "train.py", *map(str, words if isinstance(words, list) else [])])


def revision(code: Path = CODE) -> str | None:
    """Name the commit of the code, with a + behind it if files have been changed since.

    Args:
        code: Its folder.

    Returns:
        None where the code is not under git's care, such as in an installed wheel, even inside another repository.
    """
    tracked = _git(code, "ls-files", "--", "__init__.py")
    if not tracked:
        return None
    changed = _git(code, "status", "--porcelain", "--untracked-files=no")
    commit = _git(code, "rev-parse", "--short=10", "HEAD")
    return None if commit is None else commit + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
