"""What a run leaves, compared with what another one left: everything but times has to be the same, to the last bit."""

import csv
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lwtrain.part_times import PARTS

_TIMES = frozenset(
    (
        *("speed/images_per_second", "memory/peak_mib", *(f"time/{part}" for part in PARTS)),
        *("seconds", "seconds_by_part", "layer_images_per_second", "peak_memory_mib", "made_by"),
        *("Stopwatch", "ckpt_path", "front", "folder", "loops"),  # loops: Lightning's counts, of starts among others
    )
)
"""Names under which times are kept, or where the run lies, or how often it was started."""


def differences(expected: Path, found: Path) -> list[str]:
    """Say what tells the folders of two runs apart that ought to be the same run; nothing if all is well."""
    lines = [f"left behind: {path.relative_to(found)}" for path in found.rglob("*.partial")]
    for place, read in _TRACES.items():
        lines += _compare(read(expected), read(found), place)
    return lines


def _names(folder: Path) -> list[str]:
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if "tfevents" not in name)


def _checkpoint(folder: Path, name: str) -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / name, map_location="cpu", weights_only=True)


def _layers(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("layers/*")}


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read what TensorBoard shows: every point of every curve, doubled ones twice."""
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it tells of every restart that it has understood
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def _json(name: str) -> Callable[[Path], Any]:
    return lambda folder: json.loads((folder / name).read_text())


_TRACES: dict[str, Callable[[Path], Any]] = {
    "files": _names,
    "last.ckpt": partial(_checkpoint, name="last.ckpt"),
    "best.ckpt": partial(_checkpoint, name="best.ckpt"),
    "layers": _layers,
    "metrics.json": _json("metrics.json"),
    "split.json": _json("split.json"),
    "metrics.csv": _rows,
    "TensorBoard": _curves,
}


def _compare(expected: Any, found: Any, place: str) -> Iterator[str]:
    if isinstance(expected, torch.Tensor) and isinstance(found, torch.Tensor):
        if not torch.equal(expected, found):
            yield f"{place}: other numbers"
    elif isinstance(expected, Mapping) and isinstance(found, Mapping):
        if missing := sorted(map(str, (expected.keys() ^ found.keys()) - _TIMES)):
            yield f"{place}: only one of them has {', '.join(missing[:3])}"
        for name in (expected.keys() & found.keys()) - _TIMES:
            yield from _compare(expected[name], found[name], f"{place}: {name}")
    elif isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _compare(one, other, f"{place}[{number}]")
    elif expected != found and not (expected != expected and found != found):
        yield f"{place}: {_short(found)} in the place of {_short(expected)}"


def _short(value: Any) -> str:
    text = f"{len(value)} entries" if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
