from pathlib import Path

import pytest
import torch
from small_runs import CLASSIFIER, train_small
from tiny import differing, fit, tensors, tiny_backbone, tiny_data
from torch import nn

from lwtrain import SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.backbone import LayerShape
from lwtrain.building import build_stack
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.conv import ConvSidecar
from lwtrain.stack import LayerStack
from lwtrain.trained_run import load_run


def build(outputs: tuple[int, int, int] = (4, 8, 8), **settings: int) -> ConvSidecar:
    return SIDECARS["conv"]("conv", LayerShape((3, 8, 8), outputs), 10, depth=1, **settings)


def stack(seed: int = 0) -> LayerStack:
    torch.manual_seed(seed)
    settings = {"encoder_settings": {"convs": 2, "grid": 2}, "objective": "prediction"}
    return build_stack(tiny_backbone(), encoder="conv", **settings).to(memory_format=torch.channels_last)


@pytest.mark.parametrize("convs", [0, 1, 2])
def test_there_are_as_many_hidden_layers_as_asked_for_and_as_wide_as_the_layer(convs: int) -> None:
    sidecar = build((6, 8, 8), convs=convs, grid=4)
    hidden = [module for module in sidecar.modules() if isinstance(module, nn.Conv2d)]
    assert [(each.in_channels, each.out_channels, each.kernel_size) for each in hidden] == [(6, 6, (3, 3))] * convs
    parameters = convs * (6 * 6 * 9 + 2 * 6) + 6 * 16 * 10 + 10
    assert sum(parameter.numel() for parameter in sidecar.parameters()) == parameters


def test_without_hidden_layers_it_is_the_linear_problem() -> None:
    plain = SIDECARS["pool"]("pool", LayerShape((3, 8, 8), (4, 8, 8)), 10, depth=1, grid=2)
    sidecar = build(convs=0)
    sidecar.load_state_dict(plain.state_dict())
    features = torch.rand(3, 4, 8, 8)
    assert torch.equal(sidecar.classify(features), plain.classify(features))


def test_each_hidden_layer_convolves_normalises_and_rectifies_before_the_grid() -> None:
    sidecar = build(convs=1).eval()
    features = torch.rand(3, 4, 8, 8)
    read, classes = sidecar.classifier, sidecar.classifier.classes
    hidden = nn.functional.conv2d(features, read.conv_0.weight, padding=1) / (1 + read.norm_0.eps) ** 0.5
    means = nn.functional.adaptive_avg_pool2d(hidden.relu(), 2).flatten(start_dim=1)
    torch.testing.assert_close(sidecar.classify(features), classes(means))


def test_nothing_is_rebuilt_and_a_probe_teaches_no_layer() -> None:
    sidecar = build()
    assert not sidecar.rebuilds
    features = torch.rand(5, 4, 8, 8, requires_grad=True)
    logits, reconstruction, *_ = sidecar(features, num_labelled=2, probe=True)
    assert logits.shape == (2, 10)
    assert reconstruction is None
    logits.sum().backward()
    assert features.grad is None
    sidecar(features, num_labelled=2)[0].sum().backward()
    assert features.grad is not None
    assert not features.grad[2:].any()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^encoder\.convs=-1: choose 0 or more$"):
        build(convs=-1)
    with pytest.raises(ValueError, match=r"^encoder\.grid=0: choose 1 or more$"):
        build(grid=0)


@pytest.mark.parametrize("front", ["disk", "recompute"])
def test_every_front_gives_the_same_training(front: str) -> None:
    here, there = (fit(WaveSchedule(2, 2, front=each), stack(), tiny_data(labels="all")) for each in ("memory", front))
    assert not differing(tensors(here), tensors(there))


def test_all_of_it_learns_beside_every_layer() -> None:
    trained = fit(SimultaneousSchedule(1), stack(), tiny_data(labels="all"))
    moved = differing(tensors(stack()), tensors(trained))
    assert {name for name, _ in trained.named_parameters()} <= {*moved}


def test_a_run_with_it_resumes_bit_for_bit(tmp_path: Path) -> None:
    words = (*(word for word in CLASSIFIER if "hidden" not in word), "encoder=conv", "objective=prediction")
    whole = load_run(train_small(tmp_path / "whole", *words, "model.layer_depth=3")).stack.state_dict()
    part = train_small(tmp_path / "part", *words, "model.layer_depth=3", "trainer.max_epochs=3")
    train_small(tmp_path / "rest", *words, "model.layer_depth=3", f"ckpt_path={part}/checkpoints/last.ckpt")
    rest = load_run(tmp_path / "rest").stack.state_dict()
    assert [name for name in whole if not torch.equal(whole[name], rest[name])] == []
