"""Put the tables of docs/scaling.md in place, by the cost model and what it was calibrated with.

python scripts/scaling.py           # write them
python scripts/scaling.py --check   # fail if they are not what the model says
"""

# ruff: noqa: I001
import lwtrain  # noqa: F401 - before torchvision, whose operators it may have to declare

import re
import sys
from argparse import ArgumentParser
from pathlib import Path

from planning.tables import tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scaling.md"


def main() -> None:
    """Do what the command line asks for."""
    parser = ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is out of date")
    check = parser.parse_args().check
    text = PAGE.read_text(encoding="utf-8")
    made = with_tables(text, tables())
    if check and made != text:
        sys.exit(f"{PAGE}: not what the cost model says; run python scripts/scaling.py")
    PAGE.write_text(made, encoding="utf-8")


def with_tables(text: str, made: dict[str, str]) -> str:
    r"""Replace what stands below each mark, up to the next empty line.

    Args:
        text: Of the page.
        made: Tables by the names of their marks; each has one, and every mark is among them.

    Example:
        >>> with_tables("<!-- table: a -->\n| old |\n\nend", {"a": "| new |\n"})
        '<!-- table: a -->\n| new |\n\nend'
    """
    found = re.findall(r"<!-- table: (.+) -->", text)
    assert sorted(found) == sorted(made), (found, list(made))
    return re.sub(r"(<!-- table: (.+) -->\n)(?:\|.*\n)*", lambda mark: mark[1] + made[mark[2]], text)


if __name__ == "__main__":
    main()
