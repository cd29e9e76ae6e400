"""A trained run that labels images for another: its network, which must not know what the other validates on."""

from pathlib import Path

import torch

from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.errors import DataError
from lwtrain.network import VotingNetwork
from lwtrain.trained_run import load_network


def load_teacher(folder: Path, data: SemiSupervisedDataModule) -> VotingNetwork:
    """Give the network of a run that was trained on the same images, labels and split.

    Args:
        folder: The run's.
        data: What its pseudo-labels are for.

    Raises:
        ConfigError: If the run was made with settings that this version of lwtrain does not know.
        DataError: If there is no run in the folder, its checkpoint is damaged, or it was trained on other data: then it
            may have learned the labels of images that are held out here, and pass them on.
    """
    with torch.random.fork_rng(devices=[]):  # its first weights, soon replaced, are none of the other run's draws
        try:
            network = load_network(folder)
        except DataError as error:
            raise DataError(f"pseudo_labels.teacher={error}") from error
    if network.trained_on != data.fingerprint():
        remedy = "choose the dataset, labels, validation and seed that it was trained with, or another run"
        raise DataError(
            f"pseudo_labels.teacher={folder}: trained on other images, labels or validation images; {remedy}"
        )
    return network.stack
