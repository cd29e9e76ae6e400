"""What stands at the end of a run: a table on the screen, and `metrics.json`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console
from rich.table import Table

from lwtrain.files import write_whole
from lwtrain.part_times import shares


def write_metrics(metrics: Mapping[str, Any], run_dir: Path) -> Path:
    """Write `metrics.json` into the run's folder, wholly or not at all."""
    path = run_dir / "metrics.json"
    write_whole(path, lambda file: file.write((json.dumps(metrics, indent=2) + "\n").encode()))
    return path


def accuracy_table(metrics: Mapping[str, Any], names: list[str]) -> Table:
    """Set each layer's, the head's and the vote's accuracies side by side.

    Args:
        metrics: Tags such as `layer_0/val/accuracy` with their values.
        names: The layers, in the order of the rows.
    """
    shown = [*names, "vote"]
    stages = [
        stage for stage in ("train", "val", "test") if any(f"{name}/{stage}/accuracy" in metrics for name in shown)
    ]
    table = Table("", *(f"{stage} accuracy" for stage in stages))
    for name in names:
        values = [metrics.get(f"{name}/{stage}/accuracy") for stage in stages]
        if any(value is not None for value in values):
            table.add_row(name, *("" if value is None else f"{value:.2%}" for value in values))
    votes = [metrics.get(f"vote/{stage}/accuracy") for stage in stages]
    table.add_section()
    table.add_row("vote", *("" if value is None else f"{value:.2%}" for value in votes), style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def class_table(confusion: Sequence[Sequence[int]], classes: Sequence[str], stage: str) -> Table:
    """Set beside each class how often the vote recognises it, and what it is taken for most often else.

    Args:
        confusion: Row i counts what images of class i are taken for.
        classes: Their names.
        stage: What the images are: "val" or "test".
    """
    table = Table(f"{stage} class", "images", "recognised", "else taken for")
    for label, (name, counts) in enumerate(zip(classes, confusion, strict=True)):
        total, others = sum(counts), [0 if other == label else count for other, count in enumerate(counts)]
        most = max(others)
        taken = f"{classes[others.index(most)]} ({most / total:.1%})" if most else ""
        table.add_row(name, f"{total:,}", f"{counts[label] / total:.1%}" if total else "", taken)
    for column in table.columns[1:3]:
        column.justify = "right"
    return table


def show_report(
    metrics: Mapping[str, Any], names: list[str], run_dir: Path, console: Console | None = None, *, curves: bool = True
) -> None:
    """Print the table, how well an autoencoder copies, what the run cost, and where to look next."""
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(accuracy_table(metrics, names))
    if errors := _reconstruction(metrics):
        console.print(f"reconstruction  {errors} (squared error of whole images)")
    spent = shares(metrics["seconds_by_part"])  # nothing, where all layers were loaded
    minutes, seconds = divmod(round(metrics["seconds"]), 60)
    console.print(
        f"time         {minutes} min {seconds} s{spent and ': '}{spent}\n"
        f"speed        {metrics['layer_images_per_second']:,.0f} layer-images/s\n"
        f"peak memory  {metrics['peak_memory_mib']:,.0f} MiB\n"
        f"run          {run_dir}"
    )
    if curves:
        console.print(f"TensorBoard  tensorboard --logdir {quote(str(_log_root(run_dir)))}")


def _reconstruction(metrics: Mapping[str, Any]) -> str:
    """Say how far an autoencoder's copies are from the images: "val 0.0129, test 0.0131"; nothing of other networks."""
    errors = {stage: metrics.get(f"{stage}/reconstruction") for stage in ("val", "test")}
    return ", ".join(f"{stage} {error:.4f}" for stage, error in errors.items() if error is not None)


def _log_root(run_dir: Path) -> Path:
    """Name the folder that holds this run and its siblings."""
    parts = run_dir.parts
    return Path(*parts[: parts.index("outputs") + 1]) if "outputs" in parts else run_dir
