"""Trained layers in files of their own, to be taken up by another run."""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from lwtrain.errors import DataError
from lwtrain.files import write_whole
from lwtrain.stack import LayerStack
from lwtrain.stored_tensors import check_same_shapes


def store_layers(stack: LayerStack, folder: Path) -> list[Path]:
    """Write each trained layer (map, sidecar and objective with it) to `folder`/<name>.safetensors."""
    trained = torch.nonzero(stack.voters).flatten().tolist()
    return [_store_layer(stack.names[number], stack.layers[number], folder) for number in trained]


def _store_layer(name: str, layer: nn.Module, folder: Path) -> Path:
    path = folder / f"{name}.safetensors"
    tensors = {key: value.contiguous() for key, value in layer.state_dict().items()}
    write_whole(path, lambda file: file.write(save(tensors, metadata={"layer": name})))
    return path


def load_layers(stack: LayerStack, paths: Iterable[Path]) -> set[int]:
    """Take layers from files that `store_layers` wrote; a folder stands for all files in it.

    Returns:
        The numbers of the layers taken; they need no more training.

    Raises:
        DataError: If a file is missing or damaged, or its layer does not fit the one of that name here.
    """
    return {_load_layer(stack, file) for path in paths for file in _files(path)}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.safetensors")) or sorted((path / "layers").glob("*.safetensors"))
    if not files:
        raise DataError(f"layer.load={path}: no layer files in this folder; choose a run's layers/ or one of its files")
    return files


def _load_layer(stack: LayerStack, path: Path) -> int:
    try:
        with safe_open(path, framework="pt") as file:
            name = (file.metadata() or {}).get("layer")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError:
        raise DataError(f"layer.load={path}: there is no such file") from None
    except Exception as error:  # of the file's system, or of its reader over bytes that are none of its kind
        raise DataError(f"layer.load={path}: not a readable layer file ({error})") from error
    if name not in stack.names:
        raise DataError(
            f"layer.load={path}: holds {name}, this network has {stack.names[0]} to {stack.names[-2]}, head"
        )
    number = stack.names.index(name)
    complaint = f"layer.load={path}: {name} was trained with other settings"
    check_same_shapes(tensors, stack.layers[number].state_dict(), complaint)
    stack.layers[number].load_state_dict(tensors)
    return number
