"""A comparison as one HTML file: the picture, and the table of runs; nothing is fetched from elsewhere."""

import io
from html import escape

from matplotlib import rc_context
from matplotlib.figure import Figure

from lwtrain.results_table import ResultsTable

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }}
figure {{ background: white; margin: 0 0 1.5em; overflow-x: auto; }}
figure svg {{ height: auto; max-width: 100%; }}
div {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }}
th, td {{ border-bottom: 1px solid #8886; padding: .3em .8em; text-align: left; }}
.figure {{ text-align: right; }}
</style>
<h1>{title}</h1>
<figure>{picture}</figure>
<div>{table}</div>
</html>
"""


def comparison_page(figure: Figure, table: ResultsTable, title: str) -> str:
    """Put the picture and the table on one page, which also reads well on a dark screen."""
    picture = io.StringIO()
    with rc_context({"svg.hashsalt": "lwtrain"}):  # the same runs give the same file
        figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    drawing = picture.getvalue()
    return _PAGE.format(title=escape(title), picture=drawing[drawing.index("<svg") :], table=_html(table))


def _html(table: ResultsTable) -> str:
    header = ["run", *table.settings, *(tag.removesuffix("/accuracy") for tag in table.figures)]
    cells = "".join(f"<th{_kind(number, table)}>{escape(text)}</th>" for number, text in enumerate(header))
    lines = [f"<table><thead><tr>{cells}</tr></thead><tbody>"]
    for texts in table.texts():
        row = "".join(f"<td{_kind(number, table)}>{escape(text)}</td>" for number, text in enumerate(texts))
        lines.append(f"<tr>{row}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _kind(number: int, table: ResultsTable) -> str:
    return ' class="figure"' if number > len(table.settings) else ""
