"""What happens in a process of its own: one row is trained and measured."""

import gc
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarking.contender import Contender
from benchmarking.images import SHAPE, first, make_images
from benchmarking.networks import CLASSES
from benchmarking.row import Row
from benchmarking.sample import Sample
from lwtrain.backbones.backbone import Shape
from lwtrain.data.load import Split
from lwtrain.machine import machine_name
from lwtrain.peak_memory import peak_memory_mib

WARM_UP_BATCHES = 3
COUNTED_IMAGES = 2 * CLASSES  # enough for batch norm, few enough to add nothing to a run


def measure(row: Row, repeat: int, folder: Path) -> Sample:
    """Train one row, once to warm up and once by the clock.

    Args:
        row: What to measure.
        repeat: In which round of the benchmark.
        folder: Where a front on disk lies.
    """
    bare = _bare_mib(row, folder)
    torch.manual_seed(row.seed)
    images = make_images(max(row.images, COUNTED_IMAGES), row.seed, row.data_dir)
    contender = enter(row, SHAPE, folder)
    contender.train(first(images, min(row.images, WARM_UP_BATCHES * row.batch_size)))
    gc.collect()
    seconds = contender.train(first(images, row.images))
    peak = peak_memory_mib()
    return Sample(
        row,
        repeat,
        machine_name(),
        seconds=seconds,
        layers=contender.num_layers,
        peak_mib=peak - bare,
        operations=operations_per_image(row, contender, images) * row.images,
    )


def enter(row: Row, shape: Shape, folder: Path) -> Contender:
    """Make the network and what trains it, importing no more than that takes."""
    if row.method == "product":
        from benchmarking.matrix_product import MatrixProduct

        return MatrixProduct(row)
    if row.method == "published":
        from benchmarking.published import Published

        return Published(row, shape)
    if row.method == "backprop":
        from benchmarking.plain_torch import PlainBackprop

        return PlainBackprop(row, shape)
    from benchmarking.with_lwtrain import Lwtrain

    return Lwtrain(row, shape, folder)


def _bare_mib(row: Row, folder: Path) -> float:
    """What the process holds when it has imported and done, on a tiny network, all that it is about to do."""
    if row.method != "product":
        tiny = replace(row, network="plain_2", width=1 / 16)
        images = make_images(COUNTED_IMAGES, row.seed, None)
        contender = enter(tiny, SHAPE, folder)
        contender.train(images)
        operations_per_image(tiny, contender, images)
        gc.collect()
    return peak_memory_mib()


def operations_per_image(row: Row, contender: Contender, images: Split) -> float:
    """Count the products and sums of matrix products and convolutions, forward, backward and of resting layers."""
    if row.method == "product":
        return 2.0 * int(row.case) ** 3
    few = first(images, COUNTED_IMAGES)
    with FlopCounterMode(display=False) as counter:
        contender.train(few)
    return counter.get_total_flops() / len(few)
