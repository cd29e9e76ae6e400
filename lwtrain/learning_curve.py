"""How a run's validation accuracy rose with the seconds of training, read from what it logged. No torch in here."""

import re
from pathlib import Path

from lwtrain.metrics_csv import read_metrics_csv

_PARTS = re.compile(r"time/\w+")


def learning_curve(run_dir: Path) -> list[dict[str, float]]:
    """Read how validation accuracy rose: seconds since the start, and accuracies of vote and head, epoch by epoch.

    Until all layers have trained, the vote is that of those that have. After that only votes of all layers count: early
    in a wave none but the lowest layers have spoken for the network as it stands. Without metrics.csv there is no
    curve.
    """
    path, points, seconds, complete = run_dir / "metrics.csv", [], 0.0, False
    if not path.is_file():
        return []
    for row in read_metrics_csv(path):
        spent = [float(value) for tag, value in row.items() if value and _PARTS.fullmatch(tag)]
        if not spent:
            continue
        seconds += sum(spent)
        complete = complete or bool(row.get("vote/val/accuracy"))
        vote = row.get("vote/val/accuracy" if complete else "vote/val/accuracy_so_far")
        heard = {"vote": vote, "head": row.get("head/val/accuracy")}
        accuracies = {name: round(float(value), 4) for name, value in heard.items() if value}
        points.append({"seconds": round(seconds, 1), **accuracies})
    return points
