"""Compares stored tensors with the places that are to take them, before any is copied."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lwtrain.errors import DataError


def named_tensors(stored: Any, complaint: str) -> dict[str, Tensor]:
    """Give what a file holds if it is a state dict.

    Raises:
        DataError: If it is something else; the message begins with `complaint`.
    """
    if not isinstance(stored, Mapping) or not all(isinstance(value, Tensor) for value in stored.values()):
        raise DataError(f"{complaint}, or damaged: its weights are no tensors by name.\nChoose another one")
    return {str(name): value for name, value in stored.items()}


def check_same_shapes(stored: Mapping[str, Tensor], here: Mapping[str, Tensor], complaint: str) -> None:
    """Make sure that two state dicts have the same names and shapes.

    Args:
        stored: What a file holds.
        here: What the network has.
        complaint: What to say before the number of tensors that differ and the first of them.

    Raises:
        DataError: If they do not fit.
    """
    theirs, ours = ({name: tuple(value.shape) for name, value in state.items()} for state in (stored, here))
    differing = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    if differing:
        name = differing[0]
        raise DataError(
            f"{complaint}; {len(differing)} tensors differ.\n"
            f"The first: {name} is {theirs.get(name, 'missing')} in the file, {ours.get(name, 'missing')} here"
        )
