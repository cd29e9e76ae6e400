"""Which rows there are."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

from benchmarking.row import Row
from lwtrain.backbones.plans import PLANS

FRONTS = ("memory", "disk", "recompute")
DEPTHS = (4, 8, 16, 32, 64)
IMAGES = (5_000, 20_000, 50_000, 100_000, 200_000)
SIZES = (2048, 4096)  # of the matrices whose product shows the machine's peak
SLOW = 4  # the slowest rows read a quarter of the images: their time grows with the images and has no other part
QUARTER_WIDTH = 0.25
AUGMENTATION = "heavy_20"  # of the report's runs with few labels


def all_rows(
    images: int, memory_budget: float, *, quick: bool = False, seed: int = 0, data_dir: str | None = None
) -> list[Row]:
    """Give every row of the benchmark.

    Args:
        images: How many images the rows about speed read; the others follow from it, or have numbers of their own.
        memory_budget: MiB that the fronts of the rows about many images may take in memory.
        quick: Give the few that make a short run.
        seed: Of images and first weights.
        data_dir: Where CIFAR-10 lies, for all rows but those about many images, which need more than it has.
    """
    rows = [*_peak(), *_speed(images), *_memory(quick=quick), *_depth(images, quick=quick)]
    rows = [replace(row, data_dir=data_dir) for row in rows if row.quick or not quick]
    if not quick:
        rows += _images(memory_budget)
    return [replace(row, seed=seed) for row in rows]


def _peak() -> Iterator[Row]:
    for size in SIZES:
        for precision in ("bf16", "fp32"):
            yield Row("peak", str(size), str(size), "product", precision=precision, images=1, quick=size == SIZES[0])


def _speed(images: int) -> Iterator[Row]:
    for network in ("vgg11", "vgg_a"):
        quick = network == "vgg11"
        row = partial(Row, "speed", network, network, images=images)
        fewer = partial(row, images=max(256, images // SLOW))
        yield fewer(method="published", encoder="c", precision="fp32", quick=quick)
        yield fewer(method="published", encoder="c", precision="fp32", augmentation=AUGMENTATION)
        yield row(method="wave", encoder="c", front="memory", augmentation=AUGMENTATION)
        yield fewer(method="backprop", precision="fp32")
        yield row(method="backprop", quick=quick)
        yield row(method="lwtrain-backprop", quick=quick)
        yield row(method="checkpointing")
        for encoder in ("c", "pool"):
            for front in FRONTS:
                yield row(method="wave", encoder=encoder, front=front, quick=quick and front == "memory")
        for encoder in ("c", "pool"):
            yield row(method="simultaneous", encoder=encoder, front="memory", quick=quick and encoder == "pool")


def _memory(*, quick: bool) -> Iterator[Row]:
    batch_size, case = (128, "vgg11b-128") if quick else (512, "vgg11b")
    row = partial(Row, "memory", case, "vgg11b", batch_size=batch_size, images=2 * batch_size)
    yield row(method="backprop")
    yield row(method="lwtrain-backprop", quick=True)
    yield row(method="checkpointing")
    yield row(method="segment-checkpointing")
    for method in ("simultaneous", "wave"):
        for front in ("recompute", "disk"):
            yield row(
                method=method, encoder="pool", front=front, quick=method == "simultaneous" and front == "recompute"
            )


def _depth(images: int, *, quick: bool) -> Iterator[Row]:
    for depth in DEPTHS:
        # Large batches: what is kept for backward has to stand out from what any process needs.
        size = 128 if quick else 512
        row = partial(Row, "depth", str(depth), f"plain_{depth}", batch_size=size, images=max(256, 2 * images // 5))
        few = depth in (4, 16)
        yield row(method="lwtrain-backprop", quick=few)
        yield row(method="checkpointing")
        yield row(method="segment-checkpointing")
        yield row(method="simultaneous", encoder="pool", front="recompute", quick=few)
        yield row(method="wave", encoder="pool", front="disk")


def _images(memory_budget: float) -> Iterator[Row]:
    for images in IMAGES:
        row = Row("images", str(images), "vgg11", "wave", "pool", images=images, width=QUARTER_WIDTH)
        fits = fronts_mib(row) <= memory_budget
        yield replace(row, front="memory" if fits else "disk")


def fronts_mib(row: Row) -> float:
    """Estimate what a front of one view takes in memory while it rolls from one layer to the next, for a VGG.

    Args:
        row: About 3 x 32 x 32 images; activations are kept in bfloat16.
    """
    side, bytes_per_image = 32, [3 * 32 * 32]
    for convolution in PLANS[row.network].convolutions:
        side //= 2 if convolution.pools_after else 1
        bytes_per_image.append(max(1, round(convolution.channels * row.width)) * side * side * 2)
    rolling = max(held + coming for held, coming in pairwise(bytes_per_image))
    return rolling * row.images / 2**20
