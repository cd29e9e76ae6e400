import json
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lwtrain.backbones.whitening import fit_whitening
from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError, DataError
from lwtrain.export import TOLERANCE, PlainBackbone, export
from lwtrain.from_config import assemble_network
from lwtrain.layer import HorizontalLayer
from lwtrain.prediction import judge
from lwtrain.trained_run import TrainedNetwork, load_network
from lwtrain.votes import VoteRule

WITHOUT_LWTRAIN = """
import sys, torch
sys.modules["lwtrain"] = None
images, expected = torch.load(sys.argv[2]), torch.load(sys.argv[3])
found = torch.export.load(sys.argv[1]).module()(images)
assert torch.allclose(found, expected, atol=1e-4), (found - expected).abs().max()
"""


def made(*words: str) -> TrainedNetwork:
    """A network of random weights and statistics, which shall count as trained."""
    config = load_config(["dataset=fake", "dataset.image_size=32", *words])
    images = config.dataset.describe()
    torch.manual_seed(0)
    stack = assemble_network(config, (images.channels, 32, 32), images.num_classes)
    fit_whitening([part.layer for part in stack.layers if isinstance(part, HorizontalLayer)], torch.rand(50, 3, 32, 32))
    for name, tensor in stack.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    return TrainedNetwork(Path("run"), config, stack.eval().requires_grad_(False), images, trained_on=None)


def batch(network: TrainedNetwork, number: int = 3) -> Tensor:
    return torch.rand(number, *network.input_shape, generator=torch.Generator().manual_seed(5))


@pytest.fixture(scope="module")
def trained(classifier_run: Path) -> TrainedNetwork:
    return load_network(classifier_run)


def test_weights_fit_a_network_put_together_by_hand_from_what_the_file_says(tmp_path: Path) -> None:
    network = made("model=vgg8b", "model.width=0.0625")
    export(network, tmp_path, "safetensors")
    told = json.loads((tmp_path / "model.json").read_text())
    names = {"SameConv2d": "nn.Conv2d", "ReLU": "nn.ReLU", "BatchNorm2d": "nn.BatchNorm2d", "MaxPool2d": "nn.MaxPool2d"}
    modules: dict[str, dict[str, nn.Module]] = {"features": {}, "classifier": {}}
    for place, text in told["modules"].items():
        kind, _, arguments = text.partition("(")
        made_by_hand = f"{names.get(kind, f'nn.{kind}')}({arguments}".replace("bias=True, track", "track")
        part, name = place.split(".")
        modules[part][name] = eval(made_by_hand)
    plain = nn.Sequential()
    for name, pieces in modules.items():
        plain.add_module(name, nn.Sequential(OrderedDict(pieces)))
    plain.load_state_dict(load_file(tmp_path / "model.safetensors"))
    images = batch(network)
    assert torch.allclose(plain.eval()(images), network.stack(images), atol=1e-5)
    assert (told["input"]["shape"], told["classes"]) == ([3, 32, 32], list(network.classes))


def test_a_program_runs_where_lwtrain_is_not_installed(tmp_path: Path, trained: TrainedNetwork) -> None:
    written = export(trained, tmp_path, "torch")
    images = batch(trained, 7)
    torch.save(images, tmp_path / "images.pt")
    torch.save(trained.stack(images), tmp_path / "expected.pt")
    command = [sys.executable, "-c", WITHOUT_LWTRAIN, written.path, tmp_path / "images.pt", tmp_path / "expected.pt"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_onnx_computes_the_logits_and_the_vote(tmp_path: Path, trained: TrainedNetwork) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    written = export(trained, tmp_path, "onnx", vote=True)
    images = batch(trained, 4)
    found = onnxruntime.InferenceSession(written.path).run(["logits", "vote"], {"images": images.numpy()})
    vote, _ = judge(trained.stack, images)
    for ours, theirs in zip((trained.stack(images), vote), found, strict=True):
        assert torch.allclose(ours, torch.from_numpy(theirs), atol=TOLERANCE)


@pytest.mark.parametrize("rule", [VoteRule("doubling"), VoteRule("equal", flips=True)])
def test_a_program_votes_by_the_networks_rule(tmp_path: Path, classifier_run: Path, rule: VoteRule) -> None:
    trained = load_network(classifier_run)
    trained.stack.vote_rule = rule
    trained.stack.elect([1, 4])
    export(trained, tmp_path, "torch", vote=True)
    images = batch(trained, 6)
    logits, vote = torch.export.load(tmp_path / "model.pt2").module()(images)
    assert torch.allclose(vote, trained.stack.vote(images), atol=1e-5)
    assert torch.allclose(logits, trained.stack(images), atol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ["model=vgg11", "model.width=0.0625", "model.whitening=true"],
        ["model=resnet20", "encoder=infopro", "objective=infopro"],
        ["model=mlp", "model.hidden=[16,16]"],
        ["model=cnn", "map=conv"],
    ],
)
def test_every_kind_of_backbone_can_be_written_as_a_program(words: list[str], tmp_path: Path) -> None:
    assert export(made(*words), tmp_path, "torch").distance <= TOLERANCE


def test_the_plain_backbone_is_the_network_without_sidecars(trained: TrainedNetwork) -> None:
    images = batch(trained)
    plain = PlainBackbone(trained.stack).eval()
    assert torch.allclose(plain(images), trained.stack(images), atol=1e-6)
    assert not any("sidecar" in name for name in plain.state_dict())


def test_what_computes_something_else_is_not_kept(
    tmp_path: Path, trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(tensors: dict[str, Tensor], path: Path, metadata: object) -> None:
        from safetensors.torch import save_file

        save_file({name: tensor + 1 for name, tensor in tensors.items()}, path)

    monkeypatch.setattr("lwtrain.export.save_file", save)
    with pytest.raises(DataError, match="not written; it computes something else than the network"):
        export(trained, tmp_path, "safetensors")
    assert not list(tmp_path.iterdir())


def test_missing_packages_and_unknown_forms_are_named(
    tmp_path: Path, trained: TrainedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="--format onyx: did you mean 'onnx'"):
        export(trained, tmp_path, "onyx")
    monkeypatch.setattr("lwtrain.export.find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(ConfigError, match=r"--format onnx: needs onnxruntime; pip install 'lwtrain\[export\]'"):
        export(trained, tmp_path, "onnx")
