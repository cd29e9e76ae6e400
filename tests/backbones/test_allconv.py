"""The all-convolutional net: the published figures, and that layer-wise training takes it."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from chained import assert_computes_the_same, build, chain, count
from tiny import differing, fit, tensors, tiny_data
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config


class AllCNN(nn.Module):
    """The published network; what it averages over and squeezes is written so that any batch and image will do."""

    def __init__(self, c: int, n_classes: int, residuals: bool, dropout: float) -> None:
        super().__init__()
        widths = [3, c, c, 2 * c, 2 * c, 2 * c, 4 * c, 4 * c]
        self.residuals, self.dropout = residuals, dropout
        self.convs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2 if number in (2, 5) else 1, padding=1),
                nn.BatchNorm2d(after),
                nn.Dropout2d(dropout),
            )
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.conv8 = nn.Sequential(nn.Conv2d(4 * c, 4 * c, 1), nn.BatchNorm2d(4 * c), nn.Dropout2d(dropout), nn.ReLU())
        self.conv9 = nn.Sequential(nn.Conv2d(4 * c, n_classes, 1), nn.Dropout2d(dropout), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        res = int(self.residuals)
        for number, conv in enumerate(self.convs):
            x = torch.relu(conv(x) + (x * res if number in (1, 3, 4, 6) else 0))
        x = torch.relu(self.conv8(x) + x * res)
        return self.conv9(x).mean(dim=(2, 3))


@pytest.mark.parametrize(("channels", "number"), [(64, 1_387_044), (32, 354_628)])
@pytest.mark.parametrize("residuals", [False, True])
def test_parameters_are_as_many_as_published(channels: int, number: int, residuals: bool) -> None:
    network = chain(build("allconv", num_classes=100, channels=channels, residuals=residuals))
    assert count(network) == number


@pytest.mark.parametrize("residuals", [False, True])
def test_outputs_and_gradients_are_those_of_the_published_network(residuals: bool) -> None:
    torch.manual_seed(0)
    ours = chain(build("allconv", num_classes=10, channels=4, residuals=residuals, dropout=0.0))
    assert_computes_the_same(ours, AllCNN(4, 10, residuals, 0.0), torch.rand(4, 3, 32, 32))


@pytest.mark.parametrize("residuals", [False, True])
def test_the_same_channels_are_dropped(residuals: bool) -> None:
    torch.manual_seed(0)
    ours = chain(build("allconv", num_classes=10, channels=4, residuals=residuals, dropout=0.2))
    published = AllCNN(4, 10, residuals, 0.2)
    for mine, theirs in zip(ours.parameters(), published.parameters(), strict=True):
        mine.data.copy_(theirs)
    images, outputs = torch.rand(4, 3, 32, 32), []
    for network in (ours, published):
        torch.manual_seed(1)
        outputs.append(network(images))
    torch.testing.assert_close(*outputs)


@pytest.mark.parametrize("residuals", [False, True])
def test_shapes_of_the_eight_layers(residuals: bool) -> None:
    backbone = build("allconv", channels=8, residuals=residuals)
    assert [shape.outputs for shape in backbone.shapes()] == [
        (8, 32, 32), (8, 32, 32), (16, 16, 16), (16, 16, 16), (16, 16, 16), (32, 8, 8), (32, 8, 8), (32, 8, 8),
    ]  # fmt: skip
    assert all(isinstance(map, nn.Identity) for map in backbone.maps)


@pytest.mark.parametrize("size", [1, 5, 32, 96])
def test_one_image_of_any_size_gives_a_row_of_logits(size: int) -> None:
    network = chain(build("allconv", (1, size, size), 7, channels=2)).eval()
    assert network(torch.rand(1, 1, size, size)).shape == (1, 7)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"channels": 0}, r"^model\.channels=0: choose 1 or more$"),
        ({"dropout": -0.1}, r"^model\.dropout=-0\.1: choose 0 or more and less than 1$"),
        ({"map": "pool"}, r"^map=pool: choose none, for model=allconv$"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build("allconv", **settings)


def test_the_config_knows_the_number_of_layers() -> None:
    config = load_config(["model=allconv", "dataset.image_size=28"])
    assert config.model.num_layers == len(build("allconv", channels=1).layers) == 8
    assert config.map.name == "none"


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_the_experiments_have_the_published_setting(dataset: str) -> None:
    config = load_config([f"experiment=allconv_{dataset}"])
    assert (config.dataset.name, config.batch_size, config.validation) == (dataset, 64, 0.2)
    assert (config.schedule.name, config.schedule.epochs) == ("backprop", 100)
    optimizer = config.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.momentum, optimizer.weight_decay) == ("sgd", 0.1, 0.9, 2e-5)
    assert (optimizer.course, optimizer.halve_every, optimizer.nesterov) == ("halving", 20, False)


@pytest.mark.parametrize(
    ("schedule", "encoder"),
    [(WaveSchedule(2, 2), "c"), (SimultaneousSchedule(2), "pool"), (BackpropSchedule(2), "pool")],
    ids=["wave", "simultaneous", "backprop"],
)
@pytest.mark.parametrize("residuals", [False, True])
def test_every_schedule_trains_every_layer(residuals: bool, schedule: LayerSchedule, encoder: str) -> None:
    torch.manual_seed(0)
    backbone = build("allconv", (3, 8, 8), 3, channels=4, residuals=residuals)
    before = [tensors(part) for part in (*backbone.layers, backbone.head)]
    fit(schedule, build_stack(backbone, encoder=encoder), tiny_data(labels="all"))
    for part, earlier in zip((*backbone.layers, backbone.head), before, strict=True):
        assert {name for name, _ in part.named_parameters()} <= set(differing(tensors(part), earlier))
        assert all(tensor.isfinite().all() for tensor in tensors(part).values())


def test_logits_that_are_not_rectified_may_be_negative() -> None:
    torch.manual_seed(0)
    published, open_ended = (
        chain(build("allconv", num_classes=10, channels=4, rectified_logits=rectified)) for rectified in (True, False)
    )
    open_ended.load_state_dict(published.state_dict())
    images = torch.rand(8, 3, 32, 32)
    with torch.no_grad():
        rectified, free = published.eval()(images), open_ended.eval()(images)
    assert (rectified >= 0).all()
    assert (free < 0).any()


def test_a_class_with_no_logit_above_0_never_learns_again() -> None:
    """What the published head does at large learning rates."""
    torch.manual_seed(0)
    gradients = []
    for rectified in (True, False):
        network = chain(build("allconv", num_classes=3, channels=4, dropout=0.0, rectified_logits=rectified))
        head = [module for module in network.modules() if isinstance(module, nn.Conv2d)][-1]
        head.bias.data[1] = -100.0
        nn.functional.cross_entropy(network(torch.rand(6, 3, 32, 32)), torch.tensor([0, 1, 2] * 2)).backward()
        gradients.append(head.weight.grad[1].abs().sum().item())
    assert gradients[0] == 0
    assert gradients[1] > 0
