"""The published experiments as they are shipped: what their YAML files build, counted."""

from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import nn

from lwtrain.config.loading import load_config
from lwtrain.config.schema import Config
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.from_config import build_network
from lwtrain.layer import HorizontalLayer
from lwtrain.stack import LayerStack


def network(config: Config) -> LayerStack:
    """Build what a run builds, without its images."""
    info = config.dataset.describe().only(config.dataset.classes)
    size = config.dataset.image_size or info.image_size
    images = torch.empty(1, info.channels, size, size)
    data = SimpleNamespace(
        train=SimpleNamespace(images=images), training_images=torch.arange(1), num_classes=info.num_classes
    )
    return build_network(config, cast("SemiSupervisedDataModule", data))


def layers(stack: LayerStack) -> list[HorizontalLayer]:
    return [part for part in stack.layers if isinstance(part, HorizontalLayer)]


def count(*modules: nn.Module | None) -> int:
    return sum(parameter.numel() for module in modules if module is not None for parameter in module.parameters())


@pytest.mark.parametrize(
    ("experiment", "number"),
    [
        ("cnn_cifar2", 18_090),
        ("allconv_cifar100", 1_387_044),
        ("resnet110_backprop", 1_730_714),
        ("infopro_resnet110", 1_730_714),
    ],
)
def test_a_published_classifier_has_as_many_parameters_as_stated(experiment: str, number: int) -> None:
    stack = network(load_config([f"experiment={experiment}"]))
    assert count(*(part.layer for part in layers(stack)), stack.layers[-1]) == number


@pytest.mark.parametrize("experiment", ["conv_autoencoder", "conv_autoencoder_layerwise"])
def test_the_autoencoder_has_as_many_parameters_as_stated_each_way(experiment: str) -> None:
    stack = network(load_config([f"experiment={experiment}"]))
    assert count(*(part.layer for part in layers(stack))) == 42_154
    assert count(*(part.sidecar.inverse for part in layers(stack))) == 43_681


def test_the_autoencoder_has_the_published_setting() -> None:
    config = load_config(["experiment=conv_autoencoder"])
    assert (config.dataset.name, config.model.name, config.encoder.name) == ("mnist", "conv_autoencoder", "mirror")
    assert (config.schedule.name, config.schedule.epochs, config.batch_size) == ("backprop", 10, 32)
    assert (config.optimizer.name, config.optimizer.lr) == ("adam", 1e-3)
    assert (config.objective.name, config.objective.reconstruction) == ("reconstruction", "mse")
