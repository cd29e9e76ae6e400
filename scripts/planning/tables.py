"""The tables of docs/scaling.md, by name, each as lines of Markdown."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarking.foretold import HEADINGS, Foretold
from lwtrain.fronts.size import front_bytes
from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.machine import Machine, Rate
from lwtrain.scaling.many_devices import Pipeline, all_reduce_seconds, data_parallel_wave_seconds, pipelined
from lwtrain.scaling.one_device import (
    Front,
    bandwidth_that_feeds,
    bandwidth_that_pays,
    batch_seconds,
    simultaneous_seconds,
    visit,
)
from planning.imagenet import BATCH, GPU, GPUS, IMAGES, NETWORKS, costs_of, weight_bytes

MEASURED = Path(__file__).resolve().parents[2] / "results" / "calibration" / "cpu.json"
_FRONTS: tuple[Front, ...] = ("disk", "recompute")
_LAYERS = ("layer", "a row", "front", "learns", "keeps up from", "pays from", "visit: disk", "recompute")
_GRADIENTS = (
    *("network", "its own parameters", "gradients with sidecars", "of the largest layer"),
    *("adding up on 8 GPUs, of a step", "on 64"),
)
_PIPELINES = ("network", "ranks", "layers of each", "busiest rank, a batch", "idle, on average", "times one GPU")
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))


def tables() -> dict[str, str]:
    """Make them all."""
    measured = json.loads(MEASURED.read_text())
    made = {
        "numbers": _table(("number", "these two cores", "a GPU, assumed"), _numbers(measured)),
        "foretold": _table(HEADINGS, (Foretold.from_json(each).cells() for each in measured["foretold"])),
        "waves": _table(("network", "way", *(f"{count} GPU{'s' * (count > 1)}" for count in GPUS)), _waves()),
        "gradients": _table(_GRADIENTS, _gradients()),
        "pipelines": _table(_PIPELINES, _pipelines()),
    }
    return made | {f"layers {network}": _table(_LAYERS, _layers(costs_of(network))) for network in NETWORKS}


def si(number: float, unit: str) -> str:
    """Write a number with its unit, to three digits.

    Example:
        >>> si(6.02e12, "FLOP/s"), si(0.0031, "s"), si(12345, "B")
        ('6.02 TFLOP/s', '3.1 ms', '12.3 kB')
    """
    scale, prefix = next((pair for pair in _PREFIXES if number >= pair[0]), (1e-6, "µ"))
    return f"{number / scale:.3g} {prefix}{unit}"


def percent(share: float) -> str:
    """Write a share.

    Example:
        >>> percent(0.123)
        '12 %'
    """
    return f"{100 * share:.0f} %"


def _numbers(measured: dict[str, Any]) -> Iterator[Sequence[str]]:
    here = Machine.from_json(measured["rates"])
    for field in fields(Machine):
        values = [getattr(machine, field.name) for machine in (here, GPU)]
        if isinstance(values[0], Rate):
            yield (f"`{field.name}.operations`", *(si(value.operations, "FLOP/s") for value in values))
            yield (f"`{field.name}.bytes`", *(si(value.bytes, "B/s") for value in values))
        elif isinstance(values[0], bool):
            yield (f"`{field.name}`", *("yes" if value else "no" for value in values))
        else:
            unit = "s" if "seconds" in field.name or field.name == "augmentation" else "B/s"
            yield (f"`{field.name}`", *(si(value, unit) for value in values))


def _layers(costs: Sequence[LayerCost]) -> Iterator[Sequence[str]]:
    return (_layer(costs, number) for number in range(len(costs)))


def _layer(costs: Sequence[LayerCost], number: int) -> Sequence[str]:
    cost = costs[number]
    times = {front: visit(costs, number, GPU, IMAGES, BATCH, front) for front in _FRONTS}
    disk, recompute = (_time(times[front].total(GPU)) for front in _FRONTS)
    return (
        f"`{cost.name}`",
        si(cost.row_bytes, "B"),
        si(cost.row_bytes * IMAGES, "B"),
        f"{IMAGES / times['disk'].learning:,.0f}/s",
        si(bandwidth_that_feeds(costs, GPU, number), "B/s"),
        si(bandwidth_that_pays(costs, GPU, number), "B/s") if number else "",
        disk,
        recompute,
    )


def _waves() -> Iterator[Sequence[str]]:
    for network in NETWORKS:
        costs = costs_of(network)
        peak = si(front_bytes([cost.row_bytes for cost in costs], IMAGES), "B")
        for front in ("memory", *_FRONTS):
            times = [data_parallel_wave_seconds(costs, GPU, IMAGES, BATCH, gpus, front) for gpus in GPUS]
            needs = "" if front == "recompute" else f", {peak} of it in all"
            yield network, f"a wave, data parallel, `front={front}`{needs}", *map(_time, times)
        alone = simultaneous_seconds(costs, GPU, IMAGES, BATCH)
        yield network, "an epoch of all layers, data parallel", *map(_time, (_replicated(costs, n) for n in GPUS))
        eight, many = _pipeline(costs), _pipeline(costs, GPUS[2] // 8)
        yield network, "an epoch of all layers, dealt to 8 ranks", *map(_time, (alone, eight.seconds, many.seconds))


def _replicated(costs: Sequence[LayerCost], gpus: int) -> float:
    return pipelined(costs, GPU, IMAGES, BATCH, ranks=1, replicas=gpus).seconds


def _pipeline(costs: Sequence[LayerCost], replicas: int = 1, ranks: int = 8) -> Pipeline:
    return pipelined(costs, GPU, IMAGES, BATCH, ranks, replicas)


def _gradients() -> Iterator[Sequence[str]]:
    for network in NETWORKS:
        costs = costs_of(network)
        sizes = [cost.gradient_bytes for cost in costs]
        step = sum(batch_seconds(cost, GPU, BATCH) for cost in costs)
        shares = [all_reduce_seconds(sum(sizes), gpus, GPU.network) / step for gpus in GPUS[1:]]
        yield (
            network,
            *(si(size, "B") for size in (weight_bytes(network), sum(sizes), max(sizes))),
            *map(percent, shares),
        )


def _pipelines() -> Iterator[Sequence[str]]:
    for network in NETWORKS:
        costs = costs_of(network)
        alone = _pipeline(costs, ranks=1).seconds
        for ranks in (2, 4, 8):
            pipeline = _pipeline(costs, ranks=ranks)
            idle = sum(pipeline.idle) / ranks
            deal = " ".join(str(len(layers)) for layers in pipeline.deal)
            yield (
                *(network, str(ranks), deal, si(max(pipeline.batch), "s")),
                *(percent(idle), f"{alone / pipeline.seconds:.1f}"),
            )


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
