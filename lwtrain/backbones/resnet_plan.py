"""How a ResNet for small images is cut, as numbers: settings can be checked before torch is imported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lwtrain.registry import choices_hint

BLOCKS_PER_STAGE = {
    "resnet20": 3,
    "resnet32": 5,
    "resnet56": 9,
    "resnet110": 18,
}  # n, of the 6n + 2 layers with weights
STAGES = 3
HEADS = ("alone", "joined")

Modules = int | Literal["all"] | Sequence[int]


@dataclass(frozen=True)
class Cut:
    """How many residual blocks train as one, module by module.

    Attributes:
        layers: Blocks of each layer; the first has the stem, too, and may have no block besides.
        head: Blocks that learn with the classifier.
    """

    layers: tuple[int, ...]
    head: int


def plan_cut(name: str, modules: Modules = 3, head: str = "alone") -> Cut:
    """Cut a ResNet into modules that no gradient crosses.

    Where the blocks cannot be dealt out evenly, the stem counts as one of them, and the first modules have fewer: so
    all ten cuts come out that the code of Wang et al. (2021), arXiv:2101.10832, has for ResNet-32 and ResNet-110.

    Args:
        name: One of `BLOCKS_PER_STAGE`.
        modules: How many modules, "all" (one for each block), or how many blocks each of them has.
        head: "alone": each module is a layer, and the classifier is trained behind the last. "joined": the last module
            ends in the classifier and learns with it.

    Raises:
        ValueError: If there is no such network or no such cut.

    Example:
        >>> plan_cut("resnet110", modules=4, head="joined")
        Cut(layers=(12, 14, 14), head=14)
        >>> plan_cut("resnet20"), plan_cut("resnet20", modules=[2, 7]).layers
        (Cut(layers=(3, 3, 3), head=0), (2, 7))
    """
    if name not in BLOCKS_PER_STAGE:
        raise ValueError(f"model={name}: {choices_hint(name, list(BLOCKS_PER_STAGE))}")
    if head not in HEADS:
        raise ValueError(f"model.head={head}: {choices_hint(head, list(HEADS))}")
    blocks = STAGES * BLOCKS_PER_STAGE[name]
    counts = _counts(name, blocks, blocks if modules == "all" else modules)
    if head == "alone":
        return Cut(counts, 0)
    if len(counts) == 1:
        reason = "with model.head=joined that is the whole network"
        raise ValueError(f"model.modules={modules}: {reason}; choose 2 or more, or train it by schedule=backprop")
    return Cut(counts[:-1], counts[-1])


def _counts(name: str, blocks: int, modules: int | str | Sequence[int]) -> tuple[int, ...]:
    if isinstance(modules, int):
        if not 1 <= modules <= blocks + 1:
            raise ValueError(f"model.modules={modules}: choose 1 to {blocks + 1} for {name}, or all")
        return _dealt_out(blocks, modules)
    if isinstance(modules, str):
        raise ValueError(f"model.modules={modules}: choose a number, all, or a list of numbers of blocks")
    if not modules or min(modules) < 1 or sum(modules) != blocks:
        given = ",".join(map(str, modules))
        raise ValueError(f"model.modules=[{given}]: choose numbers from 1 up that add to the {blocks} blocks of {name}")
    return tuple(modules)


def _dealt_out(blocks: int, modules: int) -> tuple[int, ...]:
    stem = 1 if blocks % modules else 0
    share, left = divmod(blocks + stem, modules)
    counts = [share + (number >= modules - left) for number in range(modules)]
    return counts[0] - stem, *counts[1:]
