"""Time and memory over depth, drawn."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from benchmarking.results import Quantity, Results, memory, time

LINES = {  # contender: (label, colour, marker); colours by Okabe and Ito, told apart by every kind of eyesight
    "lwtrain-backprop": ("backpropagation", "#000000", "o"),
    "checkpointing": ("checkpointing, every layer", "#E69F00", "s"),
    "segment-checkpointing": ("checkpointing, √layers segments", "#CC79A7", "D"),
    "simultaneous-pool-recompute": ("all layers at once (lwtrain)", "#0072B2", "^"),
    "wave-pool-disk": ("in waves (lwtrain)", "#009E73", "v"),
}
PLOTS: dict[str, tuple[Quantity, str]] = {
    "benchmark_memory.svg": (memory, "peak memory beyond the bare process (MiB)"),
    "benchmark_time.svg": (time, "training time per image (ms)"),
}


def draw_plots(results: Results, folder: Path) -> list[Path]:
    """Draw each quantity over depth into a file of its own; none if no row is about depth."""
    depths = sorted({int(row.case) for row in results.rows if row.group == "depth"})
    measured = any(results.samples(row.name) for row in results.rows if row.group == "depth")
    if not measured:
        return []
    return [_draw(results, depths, quantity, label, folder / name) for name, (quantity, label) in PLOTS.items()]


def _draw(results: Results, depths: list[int], quantity: Quantity, label: str, path: Path) -> Path:
    # Without a date and with names that do not change, a file differs only where a figure does.
    with mpl.rc_context({"font.size": 11, "svg.hashsalt": path.stem}):
        drawing = Drawing(figsize=(7, 4.4), facecolor="white", layout="constrained")
        axes = drawing.add_subplot()
        for contender in LINES:
            _draw_line(axes, results, contender, depths, quantity)
        axes.set_xticks(depths, [str(depth) for depth in depths])
        axes.set_xlabel("layers (convolutions of 32 channels on 32 x 32 pixels)")
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(color="#DDDDDD")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        drawing.savefig(path, metadata={"Date": None})
    return path


def _draw_line(axes: Axes, results: Results, contender: str, depths: list[int], quantity: Quantity) -> None:
    figures = {depth: results.figure(f"depth/{depth}/{contender}", quantity) for depth in depths}
    points = [(depth, figure) for depth, figure in figures.items() if figure is not None]
    if not points:
        return
    label, colour, marker = LINES[contender]
    medians = [figure.median for _, figure in points]
    below = [figure.median - figure.lowest for _, figure in points]
    above = [figure.highest - figure.median for _, figure in points]
    axes.errorbar(
        [depth for depth, _ in points],
        medians,
        yerr=[below, above],
        label=label,
        color=colour,
        marker=marker,
        markersize=5,
        capsize=3,
    )
