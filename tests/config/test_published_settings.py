"""The settings of each published run, as its source states them: whoever changes one has to say so here."""

from dataclasses import asdict
from typing import Any

import pytest

from lwtrain.config.flattening import flatten
from lwtrain.config.loading import load_config

# Document N: the N-th of the five that the project grew from.
STATED: dict[str, dict[str, Any]] = {
    # The report behind document 1.
    "report_4000": {
        "dataset": "cifar10",
        "dataset.augmentation": "heavy_20",
        "labels": 4000,
        "batches": "half",
        "batch_size": 64,
        "model": "vgg_a",
        "model.layer_depth": 1,
        "model.width": 1.0,
        "map": "pool",
        "encoder": "c",
        "encoder.dropout": 0.1,
        "objective": "by_task",
        "schedule": "wave",
        "schedule.epochs": 25,
        "schedule.waves": 25,
        "optimizer": "adam",
        "optimizer.lr": [8e-4, 7e-4, 6e-4, 5.1e-4, 4.2e-4, 3.3e-4, 2.4e-4, 1.6e-4, 1e-4],
        "optimizer.course": "constant",
    },
    # The report's Model 1; shortened from 25 epochs and 64 features.
    "stacked_autoencoder": {
        "dataset": "cifar10",
        "labels": 0.1,
        "batches": "half",
        "batch_size": 128,
        "validation": "test",
        "model": "stacked_autoencoder",
        "map": "interpolation",
        "encoder": "a",
        "objective": "by_task",
        "schedule": "sequential",
        "optimizer": "adam",
    },
    # Document 2 states no run: layers that learn one after the other by HSIC, the output layer afterwards.
    "hsic_mnist": {
        "dataset": "mnist",
        "model": "mlp",
        "objective": "hsic",
        "schedule": "sequential",
    },
    # Document 4; the epochs and the halving are in its text, the rest in its code.
    "allconv_cifar100": {
        "dataset": "cifar100",
        "model": "allconv",
        "model.channels": 64,
        "schedule": "backprop",
        "schedule.epochs": 100,
        "batch_size": 64,
        "validation": 0.2,
        "optimizer": "sgd",
        "optimizer.lr": 0.1,
        "optimizer.momentum": 0.9,
        "optimizer.weight_decay": 2e-5,
    },
    # Document 5.
    "conv_autoencoder": {
        "dataset": "mnist",
        "dataset.image_size": 28,
        "dataset.augmentation": "none",
        "model": "conv_autoencoder",
        "encoder": "mirror",
        "objective": "reconstruction",
        "objective.reconstruction": "mse",
        "schedule": "backprop",
        "schedule.epochs": 10,
        "batch_size": 32,
        "validation": "test",
        "optimizer": "adam",
        "optimizer.lr": 1e-3,
        "optimizer.weight_decay": 0.0,
    },
}
_LOCAL_ERRORS = {  # run_experiments.sh of its code
    "dataset": "cifar10",
    "dataset.augmentation": "light",
    "labels": "all",
    "batch_size": 128,
    "validation": "test",
    "model": "vgg8b",
    "model.width": 1.0,
    "model.layer_depth": 1,
    "model.whitening": False,
    "objective": "prediction",
    "schedule": "simultaneous",
    "schedule.epochs": 400,
    "optimizer": "adam",
    "optimizer.lr": 5e-4,
    "optimizer.weight_decay": 0.0,
    "optimizer.course": "steps",
    "optimizer.drops_at": [milestone / 400 for milestone in (200, 300, 350, 375)],
    "optimizer.drop_factor": 0.25,
}
STATED["local_errors_backprop"] = _LOCAL_ERRORS | {"schedule": "backprop"}
STATED["local_errors_pred"] = _LOCAL_ERRORS | {"encoder": "pool"}
STATED["local_errors_predsim"] = _LOCAL_ERRORS | {
    "encoder": "similarity",
    "objective": "predsim",
    "objective.similarity": 0.99,
}
_GREEDY = {  # cifar.py of its code, and the commands in its README
    "dataset": "cifar10",
    "dataset.augmentation": "light",
    "labels": "all",
    "batch_size": 128,
    "validation": "test",
    "model": "greedy_cnn",
    "model.width": 1.0,
    "model.layer_depth": 1,
    "model.whitening": False,
    "encoder": "conv",
    "encoder.convs": 1,
    "encoder.grid": 2,
    "objective": "prediction",
    "objective.label_smoothing": 0.0,
    "schedule": "sequential",
    "schedule.epochs": 50,
    "optimizer": "sgd",
    "optimizer.lr": 0.1,
    "optimizer.momentum": 0.9,
    "optimizer.nesterov": False,
    "optimizer.weight_decay": 5e-4,
    "optimizer.course": "steps",
    "optimizer.drops_at": [epoch / 50 for epoch in (15, 30, 45)],
    "optimizer.drop_factor": 0.2,
}
STATED["greedy_k1"] = _GREEDY | {"model": "greedy_cnn_wide", "encoder.convs": 0}
STATED["greedy_k2"] = _GREEDY
STATED["greedy_k3"] = _GREEDY | {"encoder.convs": 2}
STATED["decoupled_sequential"] = _GREEDY | {"model": "decoupled_cnn", "encoder.convs": 2}
STATED["decoupled_simultaneous"] = STATED["decoupled_sequential"] | {"schedule": "simultaneous"}
# Wang et al. (2021), by their code; its 10 epochs of warming up and the normalised images are left out.
STATED["resnet110_backprop"] = {
    "dataset": "cifar10",
    "dataset.augmentation": "light",
    "labels": "all",
    "batch_size": 1024,
    "validation": "test",
    "model": "resnet110",
    "model.shortcut": "conv",
    "model.width": 1.0,
    "schedule": "backprop",
    "schedule.epochs": 160,
    "optimizer": "sgd",
    "optimizer.lr": 0.8,
    "optimizer.course": "cosine",
    "optimizer.momentum": 0.9,
    "optimizer.nesterov": True,
    "optimizer.weight_decay": 1e-4,
}
STATED["infopro_resnet110"] = STATED["resnet110_backprop"] | {
    "model.modules": [15, 39],
    "model.head": "joined",
    "encoder": "infopro",
    "encoder.channels": 12,
    "encoder.hidden": 128,
    "objective": "infopro",
    "objective.reconstruction_weight": 5.0,
    "objective.prediction_weight": 0.1,
    "schedule": "simultaneous",
}
STATED["conv_autoencoder_layerwise"] = STATED["conv_autoencoder"] | {"schedule": "sequential"}


@pytest.mark.parametrize("experiment", STATED)
def test_an_experiment_has_the_settings_that_its_source_states(experiment: str) -> None:
    settings = flatten(asdict(load_config([f"experiment={experiment}"])))
    assert {name: settings[name] for name in STATED[experiment]} == STATED[experiment]


@pytest.mark.parametrize("experiment", ["local_errors_backprop", "local_errors_pred", "local_errors_predsim"])
def test_local_errors_come_with_other_networks_and_data(experiment: str) -> None:
    config = load_config([f"experiment={experiment}", "model=vgg11b", "dataset=cifar100"])
    assert (config.model.name, config.dataset.name, config.dataset.flip) == ("vgg11b", "cifar100", True)
    digits = load_config([f"experiment={experiment}", "dataset=mnist", "schedule.epochs=100"])
    assert (digits.dataset.name, digits.dataset.augmentation, digits.dataset.flip) == ("mnist", "light", False)
    assert (digits.schedule.epochs, digits.optimizer.drops_at) == (100, config.optimizer.drops_at)


def test_hsic_weighs_labels_by_a_hundred_unless_told_otherwise() -> None:
    assert load_config(["objective=hsic", "encoder=pool"]).objective.coefficient == 100  # document 2: regularize_coeff
    assert load_config(["experiment=hsic_mnist"]).objective.coefficient == 500  # its file says why
