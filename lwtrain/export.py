"""A trained network for programs that know nothing of lwtrain: weights, a torch.export program, ONNX; each checked."""

import copy
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lwtrain.backbones.backbone import features
from lwtrain.checkpoint_format import stamp
from lwtrain.errors import ConfigError, DataError
from lwtrain.files import disk_at_fault, write_whole
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.network import VotingNetwork
from lwtrain.registry import choices_hint
from lwtrain.trained_run import TrainedNetwork
from lwtrain.votes import count_votes, mirrored

NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime")}
TOLERANCE = 1e-4
"""How far what is written may be from the network, in logits or probabilities: other kernels round otherwise."""

_BATCHES = (2, 5)  # the program is traced with the first, and checked with the second, too


class PlainBackbone(nn.Sequential):
    """The backbone alone, with the names that torchvision's VGG gives its parts: `features` and `classifier`.

    The modules are the network's own; sidecars and objectives are left out.

    Args:
        network: Whose backbone it is.
    """

    def __init__(self, network: VotingNetwork) -> None:
        super().__init__()
        horizontals = [part for part in network.layers if isinstance(part, HorizontalLayer)]
        head = network.layers[-1]
        assert isinstance(head, LinearHead)
        pieces = [piece for part in horizontals for piece in (part.inlet, part.layer, part.map)] + [head.inlet]
        self.add_module("features", features(pieces, [nn.Identity()] * len(pieces)))
        self.add_module("classifier", head.classifier)


class WithVote(nn.Module):
    """The backbone's logits beside the vote of all layers that have trained, from one forward pass.

    Args:
        network: Whose layers vote, by its own rule.
    """

    weights: Tensor

    def __init__(self, network: VotingNetwork) -> None:
        super().__init__()
        self.network, self.voters = network, network.voter_numbers
        self.register_buffer("weights", network.weigh(self.voters))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits and the vote's probabilities, (batch, classes) each, for images in [0, 1]."""
        every, head = range(len(self.network.layers)), len(self.network.layers) - 1
        views = [images, mirrored(images)] if self.network.vote_rule.flips else [images]
        heard = [
            {each.layer: each for each in self.network.opinions(view, every, {*self.voters, head})} for view in views
        ]
        layers = [torch.stack([view[voter].probabilities for view in heard]).mean(dim=0) for voter in self.voters]
        return heard[0][head].logits, count_votes(torch.stack(layers), self.weights)


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: Where it is.
        distance: How far what it computes is from the network, at most.
    """

    path: Path
    distance: float


def export(trained: TrainedNetwork, folder: Path, form: str, *, vote: bool = False) -> Exported:
    """Write a network in one form, and make sure that what was written computes the same.

    Args:
        trained: The network.
        folder: Where it goes.
        form: "safetensors": the backbone's weights, and all that is needed to put it together in `model.json`; "torch":
            a program of torch.export, for any number of images; "onnx": the same for ONNX runtimes.
        vote: Whether programs also give the vote's probabilities.

    Raises:
        ConfigError: If there is no such form, or a package that it needs is not installed.
        DataError: If the network cannot be written so, or what was written computes something else.
        WriteError: If the disk is full or cannot be written to.
    """
    if form not in FORMS:
        raise ConfigError(f"--format {form}: {choices_hint(form, list(FORMS))}")
    if missing := [package for package in NEEDED.get(form, ()) if find_spec(package) is None]:
        raise ConfigError(f"--format {form}: needs {', '.join(missing)}; pip install 'lwtrain[export]'")
    network = trained.stack.to("cpu", memory_format=torch.contiguous_format).eval()
    module = (WithVote(network) if vote and form != "safetensors" else PlainBackbone(network)).eval()
    name, write = FORMS[form]
    path = folder / name
    with disk_at_fault(path), torch.no_grad():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as work:
            partial = Path(work) / name
            with _explained(trained, form):
                compute = write(module, trained, partial)
            distance = _distance(module, compute, trained.input_shape)
            if not distance <= TOLERANCE:
                raise DataError(
                    f"{path}: not written; it computes something else than the network ({distance:.2g} away)"
                )
            write_whole(path, lambda file: file.write(partial.read_bytes()))
    if form == "safetensors":
        write_whole(folder / "model.json", lambda file: file.write(_told(module, trained)))
    return Exported(path, distance)


def _write_weights(module: nn.Module, trained: TrainedNetwork, path: Path) -> Callable[[Tensor], Sequence[Tensor]]:
    save_file({name: value.contiguous() for name, value in module.state_dict().items()}, path, {"format": "pt"})
    again = PlainBackbone(copy.deepcopy(trained.stack))
    for tensor in again.state_dict().values():
        tensor.zero_()
    again.load_state_dict(load_file(path))
    return lambda images: [again(images)]


def _write_program(module: nn.Module, trained: TrainedNetwork, path: Path) -> Callable[[Tensor], Sequence[Tensor]]:
    torch.export.save(_program(module, trained), path)
    again = torch.export.load(path).module()
    return lambda images: _as_list(again(images))


def _write_onnx(module: nn.Module, trained: TrainedNetwork, path: Path) -> Callable[[Tensor], Sequence[Tensor]]:
    import onnxruntime

    names = ["logits", "vote"] if isinstance(module, WithVote) else ["logits"]
    program = _program(module, trained)
    written = torch.onnx.export(
        program, (), input_names=["images"], output_names=names, dynamo=True, external_data=False, verbose=False
    )
    assert written is not None
    written.save(path, external_data=False)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: [torch.from_numpy(found) for found in session.run(None, {"images": images.numpy()})]


FORMS = {
    "safetensors": ("model.safetensors", _write_weights),
    "torch": ("model.pt2", _write_program),
    "onnx": ("model.onnx", _write_onnx),
}
"""The forms, with the file's name and what writes it and gives a way to run what was written."""


def _program(module: nn.Module, trained: TrainedNetwork) -> torch.export.ExportedProgram:
    images = torch.rand(_BATCHES[0], *trained.input_shape)
    return torch.export.export(module, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))


def _distance(module: nn.Module, compute: Callable[[Tensor], Sequence[Tensor]], shape: Sequence[int]) -> float:
    """Give how far results are apart at most, on images by lot."""
    generator, distances = torch.Generator().manual_seed(0), []
    for batch in _BATCHES:
        images = torch.rand(batch, *shape, generator=generator)
        pairs = zip(_as_list(module(images)), compute(images), strict=True)
        distances += [float((ours - theirs).abs().max()) for ours, theirs in pairs]
    return max(distances)


def _as_list(results: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return [results] if isinstance(results, Tensor) else list(results)


def _told(module: nn.Module, trained: TrainedNetwork) -> bytes:
    """Say all that somebody without lwtrain has to know."""
    size, fit, then = trained.reading
    leaves = {name: repr(each) for name, each in module.named_modules() if name and not any(each.children())}
    told = {
        "made_by": stamp(),
        "model": asdict(trained.config.model),
        "input": {
            "shape": list(trained.input_shape),
            "values": "floats from 0 (black) to 1 (white): bytes divided by 255",
            "pictures": {"first": {"size": size, "fit": fit}, "then": {"size": trained.input_shape[-1], "fit": then}},
        },
        "output": "logits, one for each class",
        "classes": list(trained.classes),
        "modules": leaves,
    }
    return (json.dumps(told, indent=2) + "\n").encode()


@contextmanager
def _explained(trained: TrainedNetwork, form: str) -> Iterator[None]:
    """Keep the exporters' chatter away, and turn their failures into one line."""
    loggers = {name: logging.getLogger(name).level for name in ("torch.onnx", "torch.export", "onnxscript")}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError:
        raise
    except Exception as error:  # exporters fail in any way over what they do not know
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = (str(cause).splitlines() or [type(cause).__name__])[0]
        raise DataError(
            f"{trained.folder}: model={trained.config.model.name} cannot be written as {form}: {reason}"
        ) from error
    finally:
        for name, level in loggers.items():
            logging.getLogger(name).setLevel(level)
