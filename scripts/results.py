"""Keep what runs came to, and make RESULTS.md of it, and the learning curves of studies.

python scripts/results.py add outputs/2026-01-31/12-00-00   # one small file in results/ for each run that is named
python scripts/results.py                                   # show the table, and write RESULTS.md
python scripts/results.py --check                           # fail if RESULTS.md is not what results/ says
"""

import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from lwtrain.commands.parser import CommandParser
from lwtrain.errors import ConfigError, DataError
from lwtrain.files import write_whole
from tabulating.curves import check_curves, draw_curves, picture_of
from tabulating.markdown import write_markdown
from tabulating.record import keep, name_of, record
from tabulating.rows import gather, read_records
from tabulating.studies import read_studies

ROOT = Path(__file__).resolve().parent.parent
PICTURES = "docs/images/results"  # as seen from the page


def main() -> None:
    """Do what the command line asks for."""
    options = _parse()
    try:
        if options.action == "add":
            for run in options.runs:
                print(add(run, options.results))
        page = options.results.parent / "RESULTS.md"
        studies, folder = read_studies(options.results), page.parent / PICTURES
        pictures = {
            study.study.name: f"{PICTURES}/{path.name}" for study in studies if (path := picture_of(study, folder))
        }
        text = write_markdown(gather(read_records(options.results)), studies, pictures)
        if options.check:
            check(text, page)
            for study in studies:
                check_curves(study, folder)
        else:
            write_whole(page, lambda file: file.write(text.encode()))
            for study in studies:
                draw_curves(study, folder)
            print(text if options.action == "show" else page)
    except (ConfigError, DataError) as error:
        sys.exit(str(error))


def add(run: Path, results: Path) -> Path:
    """Keep what one run came to, under the name of its settings and seed."""
    kept = record(run)
    return keep(kept, results / f"{name_of(kept['command'], kept['config']['seed'])}.json")


def check(text: str, page: Path) -> None:
    """Make sure that the page is what the results say.

    Raises:
        DataError: If it is not.
    """
    if not page.is_file() or page.read_text() != text:
        raise DataError(f"{page}: not what results/ says; run python scripts/results.py")


def _parse() -> Namespace:
    parser = CommandParser(
        "python scripts/results.py", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
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
