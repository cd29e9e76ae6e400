"""Draw the schedules for docs/schedules.md: python scripts/drawings.py [FOLDER]. The same files each time."""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib

from lwtrain.pictures.timeline import draw_timeline
from lwtrain.schedules import Visit, backprop, custom, sequential, simultaneous, wave

LAYERS = ["layer_0", "layer_1", "layer_2", "head"]
LIST: list[dict[str, object]] = [
    {"layer": 0, "epochs": 3},
    {"layer": 1},
    {"layer": 2},
    {"layer": "head"},
    {"layer": 1},
    {"layer": 2},
]
DRAWINGS: dict[str, Iterator[Visit]] = {
    "schedule_sequential": sequential(len(LAYERS), epochs=4),
    "schedule_sequential_uneven": sequential(len(LAYERS), epochs=[7, 5, 3, 1]),
    "schedule_wave": wave(len(LAYERS), epochs=4, waves=4),
    "schedule_wave_2": wave(len(LAYERS), epochs=4, waves=2),
    "schedule_custom": custom(len(LAYERS), [*LIST, {"layer": "head"}]),
    "schedule_simultaneous": simultaneous(len(LAYERS), epochs=4),
    "schedule_settling": simultaneous(len(LAYERS), epochs=10, settle=0.4),
    "schedule_backprop": backprop(len(LAYERS), epochs=4),
}


def main(folder: Path) -> None:
    """Write one SVG file for each drawing."""
    with matplotlib.rc_context({"svg.hashsalt": "lwtrain", "svg.fonttype": "none", "font.family": "sans-serif"}):
        for name, visits in DRAWINGS.items():
            draw_timeline(visits, LAYERS).savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1] / "docs" / "images")
