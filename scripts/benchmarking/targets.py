"""What lwtrain is to reach, and whether it does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarking.groups import AUGMENTATION
from benchmarking.results import Quantity, Results, memory, speed, time

BASELINES = {"backprop": "backprop-bf16", "lwtrain's backprop": "lwtrain-backprop"}
FLAT_FROM, FLAT_TO, FLAT_WITHIN = 8, 64, 1.10


@dataclass(frozen=True)
class Target:
    """A figure that has to stay on one side of a limit.

    Attributes:
        says: What is compared, in words.
        bound: On which side.
        limit: Where the line is.
        figure: What was measured; None: nothing.
    """

    says: str
    bound: Literal["at least", "at most", "below"]
    limit: float
    figure: float | None

    @property
    def reached(self) -> bool | None:
        """Whether it is on the right side; None where nothing was measured."""
        if self.figure is None:
            return None
        if self.bound == "at least":
            return self.figure >= self.limit
        return self.figure <= self.limit if self.bound == "at most" else self.figure < self.limit

    @property
    def verdict(self) -> str:
        """The same in a word."""
        return {None: "not measured", True: "reached", False: "missed"}[self.reached]


def all_targets(results: Results) -> list[Target]:
    """Hold the results against every target."""
    parts: tuple[Callable[[Results], Iterator[Target]], ...]
    parts = _against_published, _against_backprop, _fronts, _memory, _depth
    return [target for part in parts for target in part(results)]


def _against_published(results: Results) -> Iterator[Target]:
    for network, limit in (("vgg_a", 10.0), ("vgg11", 6.0)):
        case = f"speed/{network}"
        figure = _ratio(results, f"{case}/wave-c-memory", f"{case}/published-c", speed)
        yield Target(
            f"{network}: layer-images/s of waves with sidecar c, over the published", "at least", limit, figure
        )
        figure = _ratio(results, f"{case}/wave-c-memory-{AUGMENTATION}", f"{case}/published-c-{AUGMENTATION}", speed)
        yield Target(f"{network}: the same, each with augmentation {AUGMENTATION}", "at least", limit, figure)


def _against_backprop(results: Results) -> Iterator[Target]:
    contenders = (
        ("a wave with sidecar pool", "wave-pool-memory", 1.0),
        ("a wave with sidecar c", "wave-c-memory", 2.0),
        ("simultaneous with sidecar pool", "simultaneous-pool-memory", 1.2),
    )
    for network in ("vgg11", "vgg_a"):
        for words, contender, limit in contenders:
            for baseline, name in BASELINES.items():
                figure = _ratio(results, f"speed/{network}/{contender}", f"speed/{network}/{name}", time)
                yield Target(f"{network}: time of {words}, over {baseline} in bf16", "at most", limit, figure)


def _fronts(results: Results) -> Iterator[Target]:
    for network in ("vgg11", "vgg_a"):
        for encoder in ("c", "pool"):
            wave = f"speed/{network}/wave-{encoder}"
            figure = _ratio(results, f"{wave}-disk", f"{wave}-memory", time)
            yield Target(f"{network}: time of a wave with sidecar {encoder}, disk over memory", "at most", 1.3, figure)


def _memory(results: Results) -> Iterator[Target]:
    for front in ("recompute", "disk"):
        contender = f"memory/vgg11b/simultaneous-pool-{front}"
        for baseline, name in BASELINES.items():
            figure = _ratio(results, contender, f"memory/vgg11b/{name}", memory)
            yield Target(f"vgg11b: memory of simultaneous, front={front}, over {baseline}", "at most", 0.45, figure)
    contender = "memory/vgg11b/simultaneous-pool-recompute"
    yield from _against_checkpointing(results, "vgg11b", contender, "memory/vgg11b")


def _depth(results: Results) -> Iterator[Target]:
    depths = sorted(int(row.case) for row in results.rows if row.group == "depth" and row.method == "simultaneous")
    for contender in ("simultaneous-pool-recompute", "wave-pool-disk"):
        within = [depth for depth in depths if FLAT_FROM <= depth <= FLAT_TO]
        figures = [results.figure(f"depth/{depth}/{contender}", memory) for depth in within]
        held = [figure.median for figure in figures if figure is not None]
        whole = {FLAT_FROM, FLAT_TO} <= set(within) and len(held) == len(within)
        words = f"{FLAT_FROM} to {FLAT_TO} layers: most memory of {contender.partition('-')[0]} over its least"
        yield Target(words, "at most", FLAT_WITHIN, max(held) / min(held) if whole else None)
    contender = f"depth/{FLAT_TO}/simultaneous-pool-recompute"
    yield from _against_checkpointing(results, f"{FLAT_TO} layers", contender, f"depth/{FLAT_TO}")


def _against_checkpointing(results: Results, where: str, contender: str, case: str) -> Iterator[Target]:
    for method in ("checkpointing", "segment-checkpointing"):
        for word, quantity in (("memory", memory), ("time", time)):
            figure = _ratio(results, contender, f"{case}/{method}", quantity)
            yield Target(f"{where}: {word} of simultaneous over {method}", "below", 1.0, figure)


def _ratio(results: Results, name: str, base: str, quantity: Quantity) -> float | None:
    figure = results.ratio(name, base, quantity)
    return None if figure is None else figure.median
