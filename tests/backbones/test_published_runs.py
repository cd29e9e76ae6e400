"""The published settings from end to end, by their names, on a few images that can be told apart."""

from pathlib import Path

import numpy as np
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

STACKED = (
    "experiment=stacked_autoencoder model.depth=2 model.channels=8 encoder.hidden=8 labels=0.5 batch_size=32 "
    "schedule.epochs=2 optimizer.lr=1e-2"
)
VGG = (
    "model=vgg8b model.width=0.0625 model.layer_depth=2 encoder=c encoder.hidden=8 batch_size=25 schedule.epochs=2 "
    "schedule.waves=1 optimizer.lr=1e-2"
)
RESNET = "model=resnet20 model.width=0.25 batch_size=25 schedule.epochs=4 optimizer.lr=0.05"

NARROW = "model.width=0.0625 batch_size=25 schedule.epochs"

RUNS = {
    "local errors, end to end": f"experiment=local_errors_backprop {NARROW}=4 optimizer.lr=3e-3",
    "local errors, prediction": f"experiment=local_errors_pred {NARROW}=4 optimizer.lr=3e-3",
    "local errors, predsim": f"experiment=local_errors_predsim {NARROW}=4 optimizer.lr=3e-3",
    "greedy, k = 1": f"experiment=greedy_k1 {NARROW}=2",
    "greedy, k = 2": f"experiment=greedy_k2 {NARROW}=2",
    "greedy, k = 3": f"experiment=greedy_k3 {NARROW}=2",
    "decoupled, at once": f"experiment=decoupled_simultaneous {NARROW}=3",
    "decoupled, one by one": f"experiment=decoupled_sequential {NARROW}=2",
    "cnn by backprop": "experiment=cnn_cifar2 schedule.epochs=5 optimizer.lr=0.1",
    "cnn by layers": "experiment=cnn_cifar2 schedule=simultaneous schedule.epochs=5 optimizer.lr=0.1 encoder=pool",
    "allconv": "experiment=allconv_cifar10 model.channels=8 schedule.epochs=8 optimizer.lr=0.02 "
    "optimizer.halve_every=4",
    "resnet by backprop": f"experiment=resnet110_backprop {RESNET}",
    "resnet by infopro": f"experiment=infopro_resnet110 {RESNET} model.modules=2",
    "resnet by infopro, four modules": f"experiment=infopro_resnet110 {RESNET} model.modules=[2,2,2,3] "
    "objective.prediction_weight=[0,0.1] schedule.epochs=8",
    "resnet in waves": "model=resnet20 model.width=0.25 schedule.epochs=2 schedule.waves=2 batch_size=25 "
    "optimizer.lr=1e-2",
    "mlp": "model=mlp schedule=simultaneous schedule.epochs=5 objective=prediction encoder=pool batch_size=32",
    "stacked autoencoders, interpolated": f"{STACKED} map=interpolation",
    "stacked autoencoders, shuffled": f"{STACKED} map=random",
    "stacked autoencoders, convolved": f"{STACKED} map=conv",
    "stacked autoencoders, decoded": f"{STACKED} map=decoder",
    "vgg with convolutions between layers": f"{VGG} map=conv",
    "vgg with averages between layers": f"{VGG} map=average",
}


@pytest.mark.parametrize("name", RUNS)
def test_a_published_network_learns(name: str, tmp_path: Path) -> None:
    figures = train(load_config([*RUNS[name].split(), *FEW]), tmp_path)
    assert figures["head/val/accuracy"] > 0.75  # by chance: 0.5, give or take 0.05


@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("stacked")])
def test_maps_are_those_asked_for(name: str) -> None:
    config = load_config([*RUNS[name].split(), *FEW])
    assert config.map.name == RUNS[name].rpartition("=")[2]
    assert (config.encoder.name, config.batches, config.validation) == ("a", "half", "test")


def test_the_report_learns_from_few_labels_and_from_unlabelled_images(tmp_path: Path) -> None:
    words = "experiment=report_4000 model.width=0.0625 model.layer_depth=4 encoder.hidden=8 labels=100 batch_size=20 "
    words += "schedule.epochs=4 schedule.waves=4 optimizer.lr=1e-2"
    few = [*FEW, "dataset.num_images=300", "dataset.image_size=32"]
    figures = train(load_config([*words.split(), *few]), tmp_path)
    assert figures["vote/val/accuracy"] > 0.7  # of 30 images; by chance: 0.5, give or take 0.09
    unlabelled = 300 - 30 - 100
    images = figures["layer_images_per_second"] * figures["seconds"]
    assert images == pytest.approx(3 * 4 * 2 * unlabelled)  # as many labelled ones beside them, in each layer and epoch


def test_layers_learn_by_hsic_alone_while_the_information_plane_watches(tmp_path: Path) -> None:
    words = "experiment=hsic_mnist callbacks=information_plane callbacks.information_plane.images=200 "
    smaller = "model.hidden=[32,32] schedule.epochs=3 batch_size=32 optimizer.lr=0.01"
    figures = train(load_config([*words.split(), *smaller.split(), *FEW]), tmp_path)
    for name in ("layer_0", "layer_1", "head"):
        assert figures[f"{name}/val/accuracy"] > 0.75, name  # by chance: 0.5, give or take 0.05
    with np.load(tmp_path / "information_plane.npz") as plane:
        assert plane["coordinates"].shape == (9, 2, 3, 2)  # epochs, estimators, layers with the head, image and label
        assert np.isfinite(plane["coordinates"]).all()
        assert plane["estimators"].tolist() == ["normalised_hsic", "edge"]
        head_with_label = plane["coordinates"][:, :, 2, 1]
        assert (head_with_label[-1] > head_with_label[0]).all()


def test_airplanes_and_birds_have_the_published_setting() -> None:
    config = load_config(["experiment=cnn_cifar2"])
    assert (config.dataset.name, config.dataset.classes) == ("cifar10", ["airplane", "bird"])
    assert (config.model.name, config.batch_size, config.dataset.augmentation) == ("cnn", 64, "none")
    assert (config.schedule.name, config.schedule.epochs, config.validation) == ("backprop", 100, "test")
    optimizer = config.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.course, optimizer.weight_decay) == ("sgd", 0.01, "constant", 0.0)
    assert (optimizer.momentum, optimizer.nesterov) == (0.0, False)
