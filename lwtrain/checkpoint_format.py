"""What checkpoints hold changes from version to version: which format one has, and how an older one is brought up."""

from pathlib import Path
from typing import Any

import torch

from lwtrain.errors import DataError
from lwtrain.version import VERSION

FORMAT = 2
"""Raised by whoever changes what a checkpoint holds, with a step in `brought_up` that turns the last format into it."""


def stamp() -> dict[str, Any]:
    """Give what a checkpoint says of how it was made."""
    return {"format": FORMAT, "version": VERSION, "torch": str(torch.__version__)}


def brought_up(checkpoint: dict[str, Any], path: Path) -> dict[str, Any]:
    """Turn a checkpoint of any earlier format into one of today's.

    Args:
        checkpoint: As it was read.
        path: For the message.

    Raises:
        DataError: If it is of a format that only later versions of lwtrain know.
    """
    made_by = checkpoint.get("made_by", {})
    found = made_by.get("format", 0)  # the first checkpoints did not say
    if found > FORMAT:
        raise DataError(
            f"ckpt_path={path}: made by lwtrain {made_by.get('version')}, whose checkpoints have format {found}.\n"
            f"This is lwtrain {VERSION}, which reads formats up to {FORMAT}: install the other one"
        )
    for number, name in enumerate(("accuracies", "mixture")):  # what each format added
        if found <= number:
            checkpoint = _with_unheard(checkpoint, name)
    return checkpoint | {"made_by": stamp()}


def _with_unheard(checkpoint: dict[str, Any], name: str) -> dict[str, Any]:
    """Add what votes can be weighed by; networks that did not keep it have not been heard yet, for all they know."""
    tensors = checkpoint["state_dict"]
    if name in tensors or "voters" not in tensors:
        return checkpoint
    return checkpoint | {"state_dict": {**tensors, name: torch.zeros(len(tensors["voters"]))}}
