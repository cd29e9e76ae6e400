"""The published settings from end to end, by their names, on a few images that can be told apart."""

from pathlib import Path

import pytest

from lwtrain.config.loading import load_config
from lwtrain.training import train

FEW = [
    "dataset=fake",
    "dataset.num_classes=2",
    "dataset.num_images=500",
    "dataset.image_size=16",
    "trainer.accelerator=cpu",
    "precision=32",
    "progress=none",
    "layer.store=false",
]


RUNS = {
    "cnn by backprop": "experiment=cnn_cifar2 schedule.epochs=5 optimizer.lr=0.1",
    "cnn by layers": "experiment=cnn_cifar2 schedule=simultaneous schedule.epochs=5 optimizer.lr=0.1 encoder=pool",
    "allconv": "experiment=allconv_cifar10 model.channels=8 schedule.epochs=8 optimizer.lr=0.02 "
    "optimizer.halve_every=4",
    "mlp": "model=mlp schedule=simultaneous schedule.epochs=5 objective=prediction encoder=pool batch_size=32",
}


@pytest.mark.parametrize("name", RUNS)
def test_a_published_network_learns(name: str, tmp_path: Path) -> None:
    figures = train(load_config([*RUNS[name].split(), *FEW]), tmp_path)
    assert figures["head/val/accuracy"] > 0.75  # by chance: 0.5, give or take 0.05


def test_airplanes_and_birds_have_the_published_setting() -> None:
    config = load_config(["experiment=cnn_cifar2"])
    assert (config.dataset.name, config.dataset.classes) == ("cifar10", ["airplane", "bird"])
    assert (config.model.name, config.batch_size, config.dataset.augmentation) == ("cnn", 64, "none")
    assert (config.schedule.name, config.schedule.epochs, config.validation) == ("backprop", 100, "test")
    optimizer = config.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.course, optimizer.weight_decay) == ("sgd", 0.01, "constant", 0.0)
    assert (optimizer.momentum, optimizer.nesterov) == (0.0, False)
