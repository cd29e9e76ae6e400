"""Networks of the user's own, as docs/own_network.md shows them: the page's code is what runs here."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import differing, fit, tensors
from torch import Tensor, nn
from torchvision.models import ResNet, resnet18
from torchvision.models.resnet import BasicBlock

from lwtrain import (
    Backbone,
    BackpropSchedule,
    LayerSchedule,
    SemiSupervisedDataModule,
    SidecarMap,
    SimultaneousSchedule,
    Split,
    StackableNetwork,
    WaveSchedule,
    build_stack,
    cut,
)
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.data.view import as_inputs
from lwtrain.stack import LayerStack

PAGE = (Path(__file__).parents[2] / "docs" / "own_network.md").read_text()
SEQUENTIAL, RESNET, *_ = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
RESNET_CUT = RESNET.partition("\nimages, labels")[0]
IMAGES = torch.randint(0, 256, (24, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "wave": lambda **settings: WaveSchedule(1, 1, **settings),
    "simultaneous": lambda **settings: SimultaneousSchedule(1, **settings),
    "backprop": lambda **settings: BackpropSchedule(1, **settings),
}
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


def run(code: str) -> dict[str, Any]:
    """What a page's code leaves behind."""
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def use_random_statistics(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def data(num_images: int = 24) -> SemiSupervisedDataModule:
    return SemiSupervisedDataModule(
        Split(IMAGES[:num_images], torch.arange(num_images) % 3), validation=0.5, batch_size=6
    )


class SmallResNet(ResNet):
    """A ResNet of two blocks, as quick as a test should be."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, [1, 1, 1, 1], num_classes=3)
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.inplanes = 8
        self.layer1, self.layer2 = self._make_layer(BasicBlock, 8, 1), self._make_layer(BasicBlock, 12, 1, stride=2)
        self.layer3 = self.layer4 = nn.Identity()
        self.fc = nn.Linear(12, 3)


def cut_small(resnet: SmallResNet) -> Backbone:
    layers = [nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu), resnet.layer1[0], resnet.layer2[0]]
    maps = [resnet.maxpool, nn.Identity(), nn.Identity()]
    return Backbone("small", (3, 32, 32), 3, layers, maps, nn.Sequential(resnet.avgpool, nn.Flatten(), resnet.fc))


def small(seed: int = 0, *, encoder: str = "c") -> tuple[SmallResNet, LayerStack]:
    torch.manual_seed(seed)
    resnet = SmallResNet()
    settings = {"grid": 2} if encoder == "pool" else {"hidden": 8}
    return resnet, build_stack(cut_small(resnet), encoder=encoder, encoder_settings=settings)


# What the page shows


def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    # In a process of its own: what other tests have imported must not help.
    command = [sys.executable, "-c", SEQUENTIAL + RESNET]
    page = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert page.returncode == 0, page.stderr
    assert "tensor" in page.stdout


def test_the_sequential_is_cut_where_the_page_says() -> None:
    names = run(SEQUENTIAL)
    network, stack = names["network"], names["stack"]
    assert [list(layer.layer) for layer in stack.layers[:2]] == [list(network[:3]), list(network[4:7])]
    assert [layer.map for layer in stack.layers[:2]] == [network[3], network[7]]
    use_random_statistics(network)
    torch.testing.assert_close(stack.eval()(IMAGES), network.eval()(IMAGES / 255))


def test_the_resnet_cut_at_its_blocks_gives_torchvisions_logits() -> None:
    names = run(RESNET_CUT)
    resnet, backbone = names["resnet"], names["backbone"]
    assert isinstance(resnet, ResNet)
    assert len(backbone.layers) == 9
    use_random_statistics(resnet)
    stack = build_stack(backbone, encoder="pool").eval()
    with torch.no_grad():
        assert torch.equal(stack(IMAGES), resnet.eval()(as_inputs(IMAGES)))


def test_every_weight_of_the_resnet_trains_in_one_of_the_layers() -> None:
    names = run(RESNET_CUT)
    pieces = nn.ModuleList([*names["layers"], *names["maps"], names["head"]])
    assert {id(weight) for weight in pieces.parameters()} == {id(weight) for weight in names["resnet"].parameters()}


# Trained


@every_schedule
def test_the_users_network_is_the_one_that_is_trained(name: str) -> None:
    resnet, stack = small()
    before = tensors(resnet)
    fit(SCHEDULES[name](), stack, data())
    assert len(differing(tensors(resnet), before)) == len(before)
    with torch.no_grad():
        torch.testing.assert_close(stack(IMAGES), resnet.eval()(IMAGES / 255))


@every_schedule
def test_its_weights_load_into_a_network_that_lwtrain_never_saw(name: str) -> None:
    resnet, stack = small()
    fit(SCHEDULES[name](), stack, data())
    fresh = SmallResNet()
    fresh.load_state_dict(resnet.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh.eval()(IMAGES / 255), resnet.eval()(IMAGES / 255))


def test_torchvisions_own_resnet_takes_the_trained_weights() -> None:
    names = run(RESNET_CUT)
    resnet = names["resnet"]
    before = tensors(resnet)
    fit(SimultaneousSchedule(1), build_stack(names["backbone"], encoder="pool"), data(12))
    assert len(differing(tensors(resnet), before)) == len(before)
    published = resnet18(num_classes=10)
    published.load_state_dict(resnet.state_dict())
    with torch.no_grad():
        assert torch.equal(published.eval()(IMAGES / 255), resnet.eval()(IMAGES / 255))


def test_after_the_run_it_can_be_trained_on_end_to_end() -> None:
    resnet, stack = small()
    fit(WaveSchedule(1, 1), stack, data())
    resnet.requires_grad_(True).train()
    resnet(IMAGES / 255).sum().backward()
    assert all(weight.grad is not None for weight in resnet.parameters())


def test_all_fronts_train_it_alike() -> None:
    def trained(front: str) -> dict[str, Tensor]:
        resnet, stack = small()
        fit(WaveSchedule(2, 2, front=front), stack.to(memory_format=torch.channels_last), data())
        return tensors(resnet)

    memory = trained("memory")
    for front in ("disk", "recompute"):
        other = trained(front)
        for weight in memory:  # batches of other sizes: within float32's rounding
            torch.testing.assert_close(other[weight], memory[weight], rtol=1e-4, atol=1e-5, msg=weight)


def test_compiled_steps_train_it_alike() -> None:
    def trained(*callbacks: CompiledSteps) -> dict[str, Tensor]:
        torch._dynamo.reset()
        resnet, stack = small(encoder="pool")
        fit(SimultaneousSchedule(1), stack, data(), callbacks=callbacks)
        return tensors(resnet)

    assert differing(trained(CompiledSteps("eager")), trained()) == []


def test_in_half_precision_resting_blocks_give_what_they_give() -> None:
    _, stack = small()
    use_random_statistics(stack)
    stack.eval()
    with torch.no_grad():
        exact = stack(IMAGES)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = stack(IMAGES).float()
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)


def test_a_pretrained_slice_as_a_map_stays_as_it_is() -> None:
    resnet, _ = small()
    backbone = cut_small(resnet)
    del backbone.layers[1], backbone.maps[1]
    backbone.maps[0] = SidecarMap(resnet.maxpool, resnet.layer1)
    before = tensors(resnet)
    fit(WaveSchedule(1, 1), build_stack(backbone, encoder_settings={"hidden": 8}), data())
    moved = differing(tensors(resnet), before)
    assert "conv1.weight" in moved
    assert not any(weight.startswith("layer1.") for weight in moved)


# A class of one's own


class OwnNetwork(nn.Module):
    """No base class of lwtrain's, and lists that torch knows of."""

    input_shape, num_classes = (3, 32, 32), 3

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)])
        self.maps = nn.ModuleList([nn.MaxPool2d(2), nn.Identity()])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))

    def forward(self, images: Tensor) -> Tensor:
        for layer, map in zip(self.layers, self.maps, strict=True):
            images = map(layer(images))
        return self.head(images)


def test_any_class_that_names_its_pieces_is_stackable() -> None:
    network = OwnNetwork()
    assert isinstance(network, StackableNetwork)
    assert isinstance(run(RESNET_CUT)["backbone"], StackableNetwork)
    assert not isinstance(nn.Sequential(), StackableNetwork)
    before = tensors(network)
    stack = fit(WaveSchedule(1, 1), build_stack(network, encoder="pool"), data())
    assert len(differing(tensors(network), before)) == len(before)
    torch.testing.assert_close(stack(IMAGES), network(IMAGES / 255))


def test_wherever_it_is_cut_it_is_the_same_network() -> None:
    network = run(SEQUENTIAL)["network"].eval()
    use_random_statistics(network)
    for places in ([4, 8], [8], [1, 2, 4, 8], [3, 8]):
        backbone = cut(network, before=places, input_shape=(3, 32, 32), num_classes=10)
        torch.testing.assert_close(build_stack(backbone, encoder="pool").eval()(IMAGES), network(IMAGES / 255))
