"""How much each term of a layer's loss weighs: the three formulas of the layer-wise training report (2019).

With a = alpha, p = prediction loss, s and u = reconstruction losses of labelled and unlabelled rows, r = regulariser.
Plain arithmetic: settings are checked by them before torch is loaded.
"""

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

Weight = TypeVar("Weight", float, "Tensor")


class Weights(NamedTuple, Generic[Weight]):
    """What the terms of a layer's loss are multiplied by; from 0 up."""

    unlabelled: Weight
    labelled: Weight
    prediction: Weight


def by_supervision(alpha: Weight) -> Weights[Weight]:
    """``u(1-a) + (s+p)a + r``: alpha weighs labelled against unlabelled rows."""
    return Weights(unlabelled=1 - alpha, labelled=alpha, prediction=alpha)


def by_task(alpha: Weight) -> Weights[Weight]:
    """``(u+s)(1-a) + pa + r``: alpha weighs prediction against reconstruction."""
    return Weights(unlabelled=1 - alpha, labelled=1 - alpha, prediction=alpha)


def by_task_labelled(alpha: Weight) -> Weights[Weight]:
    """``(u+10s)(1-a) + pa + r``: as `by_task`, with the labelled rows' reconstruction counted ten times."""
    return Weights(unlabelled=1 - alpha, labelled=10 * (1 - alpha), prediction=alpha)


FORMULAS = {"by_supervision": by_supervision, "by_task": by_task, "by_task_labelled": by_task_labelled}


class Terms(NamedTuple):
    """Which reconstructions have any weight."""

    unlabelled: bool
    labelled: bool


def weighty_reconstructions(name: str, alpha: float | str) -> Terms:
    """Tell which rows are worth rebuilding: a learned alpha never gets to the ends, where some are not.

    Args:
        name: The formula's; of others nothing is known, so all may be.
        alpha: A number, or "learned".

    Example:
        >>> weighty_reconstructions("by_task", 1.0), weighty_reconstructions("by_supervision", 1.0)
        (Terms(unlabelled=False, labelled=False), Terms(unlabelled=False, labelled=True))
    """
    if name not in FORMULAS:
        return Terms(unlabelled=True, labelled=True)
    weights = FORMULAS[name](0.5 if isinstance(alpha, str) else float(alpha))
    return Terms(weights.unlabelled > 0, weights.labelled > 0)
