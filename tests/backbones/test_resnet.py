"""ResNets for small images: the published figures, and that every way of training takes them."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from chained import assert_computes_the_same, build, chain, count
from tiny import CLASSES, differing, fit, tensors, tiny_data
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.data.augmentation import preset
from lwtrain.folding import FoldedLayer
from lwtrain.layer_files import load_layers, store_layers
from lwtrain.stack import LayerStack


class BasicBlock(nn.Module):
    """As published, with either shortcut, and with torch's own modules alone."""

    def __init__(self, before: int, channels: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.wider = stride, channels - before
        self.downsample = None
        if shortcut == "conv" and stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        past = (
            self.downsample(x)
            if self.downsample
            else F.pad(x[:, :, :: self.stride, :: self.stride], (0,) * 5 + (self.wider,))
        )
        return torch.relu(out + past)


class ResNet(nn.Module):
    """The published network."""

    def __init__(self, per_stage: int, widths: tuple[int, int, int], num_classes: int, shortcut: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        blocks, before = [], widths[0]
        for stage, channels in enumerate(widths):
            for number in range(per_stage):
                blocks.append(BasicBlock(before, channels, 2 if stage and not number else 1, shortcut))
                before = channels
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(before, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(torch.relu(self.bn1(self.conv1(x)))).mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("name", "stated", "number"),
    [
        ("resnet20", 0.27, 269_722),
        ("resnet32", 0.46, 464_154),
        ("resnet56", 0.85, 853_018),
        ("resnet110", 1.7, 1_727_962),
    ],
)
def test_parameters_are_as_many_as_published(name: str, stated: float, number: int) -> None:
    """He et al. (2015), table 6, in millions."""
    digits = 1 if name == "resnet110" else 2
    for modules in (1, 3, 5):
        assert count(chain(build(name, num_classes=10, modules=modules))) == number
    assert round(number / 1e6, digits) == stated
    assert count(chain(build(name, num_classes=10, shortcut="conv"))) == number + 2_752


def test_layers_with_weights_are_as_many_as_the_name_says() -> None:
    for depth in (20, 32, 56, 110):
        modules = chain(build(f"resnet{depth}")).modules()
        assert sum(isinstance(module, (nn.Conv2d, nn.Linear)) for module in modules) == depth


@pytest.mark.parametrize("shortcut", ["pad", "conv"])
@pytest.mark.parametrize(("modules", "head"), [(3, "alone"), (4, "joined"), ("all", "alone")])
@pytest.mark.parametrize("size", [12, 7])
def test_outputs_and_gradients_are_those_of_the_published_network(
    shortcut: str, modules: int | str, head: str, size: int
) -> None:
    torch.manual_seed(0)
    ours = chain(build("resnet20", num_classes=10, width=0.25, modules=modules, head=head, shortcut=shortcut))
    assert_computes_the_same(ours, ResNet(3, (4, 8, 16), 10, shortcut), torch.rand(4, 3, size, size))


def test_however_it_is_cut_it_is_the_same_network() -> None:
    def drawn(**settings: Any) -> list[Tensor]:
        torch.manual_seed(0)
        return list(chain(build("resnet20", width=0.25, **settings)).parameters())

    whole = drawn(modules=1)
    for settings in ({"modules": 3}, {"modules": "all"}, {"modules": [2, 7]}, {"modules": 4, "head": "joined"}):
        torch.testing.assert_close(drawn(**settings), whole, rtol=0, atol=0)


def test_stages_are_the_layers_unless_told_otherwise() -> None:
    backbone = build("resnet20")
    assert [shape.outputs for shape in backbone.shapes()] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    assert [count(module) for module in backbone.head] == [0, 0, 64 * 2 + 2]
    joined = build("resnet20", head="joined")
    assert [shape.outputs for shape in joined.shapes()] == [(16, 32, 32), (32, 16, 16)]
    assert [name for name, _ in joined.head.named_children()][:3] == ["block_6", "block_7", "block_8"]


def test_the_stem_may_be_a_module_of_its_own() -> None:
    assert [name for name, _ in build("resnet20", modules=10).layers[0].named_children()] == [
        "conv",
        "norm",
        "activation",
    ]


@pytest.mark.parametrize("shortcut", ["pad", "conv"])
@pytest.mark.parametrize("size", [1, 5, 33])
def test_one_image_of_any_size_gives_a_row_of_logits(size: int, shortcut: str) -> None:
    network = chain(build("resnet20", (1, size, size), 7, width=0.125, shortcut=shortcut)).eval()
    assert network(torch.rand(1, 1, size, size)).shape == (1, 7)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"width": 0.0}, r"^model\.width=0\.0: choose a number above 0$"),
        ({"modules": 11}, r"^model\.modules=11: choose 1 to 10 for resnet20, or all$"),
        ({"shortcut": "none"}, r"^model\.shortcut=none: Choices: pad, conv$"),
        ({"map": "pool"}, r"^map=pool: choose none, for model=resnet20$"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build("resnet20", **settings)


# In a run


def small_stack(encoder: str = "pool", objective: str = "by_task", **settings: Any) -> LayerStack:
    torch.manual_seed(0)
    backbone = build("resnet20", (3, 8, 8), CLASSES, **{"width": 0.25, "modules": 2} | settings)
    return build_stack(backbone, encoder=encoder, objective=objective).to(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "schedule",
    [SequentialSchedule(2), WaveSchedule(2, 2), SimultaneousSchedule(2), BackpropSchedule(2)],
    ids=["sequential", "wave", "simultaneous", "backprop"],
)
@pytest.mark.parametrize("settings", [{"head": "alone"}, {"head": "joined", "modules": 3, "shortcut": "conv"}], ids=str)
def test_every_schedule_trains_every_layer(settings: dict[str, Any], schedule: LayerSchedule) -> None:
    stack = small_stack(**settings)
    before = tensors(stack.layers)
    fit(schedule, stack, tiny_data(labels="all"))
    moved = differing(tensors(stack.layers), before)
    network = {name for name in before if ".sidecar." not in name and ".objective." not in name}
    assert network <= set(moved)  # statistics, too
    assert all(tensor.isfinite().all() for tensor in tensors(stack.layers).values())


@pytest.mark.parametrize("encoder", ["a", "b", "c", "strided", "dense", "mirror", "pool", "similarity", "infopro"])
def test_every_sidecar_stands_beside_it(encoder: str) -> None:
    stack = small_stack(encoder)
    before = tensors(stack.layers)
    fit(WaveSchedule(1, 1), stack)
    moved = differing(tensors(stack.layers), before)
    assert {name for name in before if ".layer." in name} <= set(moved)


@pytest.mark.parametrize("encoder", ["pool", "infopro"])
def test_all_fronts_give_bitwise_the_same_weights(encoder: str) -> None:
    def trained(front: str) -> dict[str, Tensor]:
        stack, data = small_stack(encoder, modules=3, head="joined"), tiny_data(augmentation=preset("light"))
        return tensors(fit(WaveSchedule(2, 2, front=front), stack, data).layers)

    recomputed = trained("recompute")
    for front in ("memory", "disk"):
        assert differing(trained(front), recomputed) == []


@pytest.mark.parametrize("schedule", [WaveSchedule, SimultaneousSchedule])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(schedule: type[LayerSchedule], tmp_path: Path) -> None:
    def run(folder: Path, **settings: Any) -> LayerStack:
        data = tiny_data(augmentation=preset("light"))
        making = WaveSchedule(2, 2) if schedule is WaveSchedule else SimultaneousSchedule(4)
        checkpoint = folder / "last.ckpt"
        resume = checkpoint if checkpoint.exists() else None
        stack = small_stack("infopro", "infopro", head="joined", modules=3)
        return fit(making, stack, data, folder=folder, resume=resume, **settings)

    undisturbed = run(tmp_path / "whole")
    run(tmp_path / "parts", max_epochs=2)
    resumed = run(tmp_path / "parts")
    assert differing(tensors(undisturbed.layers), tensors(resumed.layers)) == []
    assert undisturbed.figures == resumed.figures


def test_stored_layers_come_back(tmp_path: Path) -> None:
    stack = fit(WaveSchedule(1, 1), small_stack(head="joined", modules=3))
    store_layers(stack, tmp_path)
    other = small_stack(head="joined", modules=3)
    assert load_layers(other, [tmp_path]) == {0, 1, 2}
    assert differing(tensors(other.layers), tensors(stack.layers)) == []


@pytest.mark.parametrize("shortcut", ["pad", "conv"])
def test_a_resting_layer_in_half_precision_is_as_near_the_exact_one_as_the_layer_itself(shortcut: str) -> None:
    torch.manual_seed(0)
    layer = build("resnet20", (3, 8, 8), width=0.25, modules=1, shortcut=shortcut).layers[0]
    for _ in range(20):
        layer(torch.randn(16, 3, 8, 8) * 3 + 1)
    layer.eval()
    images = torch.rand(8, 3, 8, 8)
    with torch.no_grad():
        exact = layer(images)
        with torch.autocast("cpu", torch.bfloat16):
            own, folded = (
                (way(images).float() - exact).abs().mean().item()
                for way in (layer, FoldedLayer(layer, nn.Identity()).features)
            )
    assert 0 < folded < 2 * own  # roundings of nine blocks add up by chance
