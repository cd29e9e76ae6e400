"""Predictions written down: as JSON lines, as CSV, or as a table to look at."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from lwtrain.prediction import Prediction
from lwtrain.printable import printable

_DIGITS = 6


def as_json_lines(predictions: Iterable[Prediction], classes: Sequence[str]) -> Iterator[str]:
    """Write an object for each picture: file, class, probability, probabilities, and the same of all layers."""
    for each in predictions:
        layers = {name: _opinion(shares, classes) for name, shares in each.layers.items()}
        yield json.dumps({"file": printable(each.file), **_opinion(each.vote, classes), "layers": layers}) + "\n"


def as_csv(predictions: Iterable[Prediction], classes: Sequence[str]) -> Iterator[str]:
    """Write a row for each picture: file, class, probability, those of all classes, and each layer's class and its."""
    header_written = False
    for each in predictions:
        opinions = {name: _opinion(shares, classes) for name, shares in each.layers.items()}
        if not header_written:
            of_layers = [f"{name}/{column}" for name in opinions for column in ("class", "probability")]
            yield _row(["file", "class", "probability", *(f"vote/{name}" for name in classes), *of_layers])
            header_written = True
        vote = _opinion(each.vote, classes)
        of_layers = [found[column] for found in opinions.values() for column in ("class", "probability")]
        yield _row(
            [printable(each.file), vote["class"], vote["probability"], *vote["probabilities"].values(), *of_layers]
        )


def show(predictions: Iterable[Prediction], classes: Sequence[str]) -> None:
    """Print a table: what the vote and the head take each picture for, and how many of the layers agree."""
    table = Table("file", "vote", "", "head", "", "layers that agree")
    for each in predictions:
        vote, opinions = _opinion(each.vote, classes), [_opinion(shares, classes) for shares in each.layers.values()]
        agreeing = sum(found["class"] == vote["class"] for found in opinions)
        head = _opinion(each.layers["head"], classes) if "head" in each.layers else None
        sure = [f"{found['probability']:.0%}" if found else "" for found in (vote, head)]
        table.add_row(
            printable(each.file),
            vote["class"],
            sure[0],
            head["class"] if head else "",
            sure[1],
            f"{agreeing} of {len(opinions)}",
        )
    for number in (2, 4, 5):
        table.columns[number].justify = "right"
    Console(highlight=False).print(table)


def _opinion(shares: Sequence[float], classes: Sequence[str]) -> dict[str, Any]:
    rounded = [round(share, _DIGITS) for share in shares]
    likeliest = max(range(len(shares)), key=shares.__getitem__)
    return {
        "class": classes[likeliest],
        "probability": rounded[likeliest],
        "probabilities": dict(zip(classes, rounded, strict=True)),
    }


def _row(values: Sequence[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
