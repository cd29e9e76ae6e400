"""Keep what runs came to, and make RESULTS.md of it.

python scripts/results.py add outputs/2026-01-31/12-00-00   # one small file in results/ for each run that is named
python scripts/results.py                                   # show the table, and write RESULTS.md
python scripts/results.py --check                           # fail if RESULTS.md is not what results/ says
"""

import json
import re
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lwtrain.errors import DataError
from lwtrain.files import write_whole
from tabulating.markdown import write_markdown
from tabulating.record import name_of, record
from tabulating.rows import gather, read_records

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Do what the command line asks for."""
    options = _parse()
    try:
        if options.action == "add":
            for run in options.runs:
                print(add(run, options.results))
        text = write_markdown(gather(read_records(options.results)))
        page = options.results.parent / "RESULTS.md"
        if options.check:
            check(text, page)
        else:
            write_whole(page, lambda file: file.write(text.encode()))
            print(text if options.action == "show" else page)
    except DataError as error:
        sys.exit(str(error))


def add(run: Path, results: Path) -> Path:
    """Keep what one run came to, under the name of its settings and seed."""
    kept = record(run)
    results.mkdir(exist_ok=True)
    path = results / f"{name_of(kept['command'], kept['config']['seed'])}.json"
    text = json.dumps(kept, indent=1)
    write_whole(path, lambda file: file.write((_compact(text) + "\n").encode()))
    return path


def check(text: str, page: Path) -> None:
    """Make sure that the page is what the results say.

    Raises:
        DataError: If it is not.
    """
    if not page.is_file() or page.read_text() != text:
        raise DataError(f"{page}: not what results/ says; run python scripts/results.py")


def _compact(text: str) -> str:
    """Put each point of the curve on one line."""
    return re.sub(r"\{\s+(\"seconds\"[^{}]*?)\s+\}", lambda found: "{" + re.sub(r"\s+", " ", found[1]) + "}", text)


def _parse() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=["show", "add"], default="show")
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="folders of finished runs, for add")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="where the files are (results/)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if RESULTS.md is out of date")
    options = parser.parse_args()
    if (options.action == "add") != bool(options.runs):
        parser.error("add takes the folders of runs, and nothing else does")
    return options


if __name__ == "__main__":
    main()
