"""Goes through command lines in one process, which has not imported torch, and says what came of each.

python wrong_inputs_worker.py FOLDER   # reads a list of lines as JSON from standard input
"""

import contextlib
import io
import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from lwtrain import cli

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def files(folder: Path) -> dict[str, int]:
    """All files below a folder, with the time of their last change."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


def answer(folder: Path, words: list[str]) -> dict[str, Any]:
    """Carry out one line; the first word may name a script."""
    os.chdir(folder)  # a script may have gone elsewhere
    said, printed, before, start = io.StringIO(), io.StringIO(), files(folder), time.process_time()
    code: Any = 0
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        try:
            if words[0].endswith(".py"):
                sys.argv = [str(SCRIPTS / words[0]), *words[1:]]
                sys.path.insert(0, str(SCRIPTS))
                runpy.run_path(sys.argv[0], run_name="__main__")
            else:
                sys.argv = ["lwtrain"]
                cli.main(words)
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code, text = 70, f"{type(error).__name__}: {error}"
            said.write(f"Traceback\n{text}\n")
    if isinstance(code, str):  # Python prints it, and exits with code 1
        said.write(f"{code}\n")
        code = 1
    return {
        "code": code,
        "said": said.getvalue(),
        "seconds": time.process_time() - start,
        "torch": "torch" in sys.modules,
        "changed": sorted(place for place, _ in set(files(folder).items()) ^ set(before.items())),
    }


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    sys.modules["lwtrain.training"] = None  # type: ignore[assignment]  # an input that passes must not start to train
    here = Path.cwd()
    sys.stdout.write(json.dumps([answer(here, words) for words in json.load(sys.stdin)]))
