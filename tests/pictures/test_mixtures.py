from pathlib import Path

import pytest
import torch

from lwtrain.autoencoding import decode, encode
from lwtrain.pictures.mixtures import class_codes, mixtures
from lwtrain.trained_run import TrainedRun, load_run


@pytest.fixture(scope="module")
def run(autoencoder_run: Path) -> TrainedRun:
    return load_run(autoencoder_run)


@torch.no_grad()
def test_class_codes_are_means_over_the_images_of_a_class(run: TrainedRun) -> None:
    test = run.data.test
    assert test is not None
    labels, means = class_codes(run.stack, test)
    assert labels == [0, 1, 2]
    for label, mean in zip(labels, means, strict=True):
        assert torch.allclose(mean, encode(run.stack, test.images[test.labels == label]).mean(dim=0), atol=1e-5)


@torch.no_grad()
def test_the_grid_has_all_pairs_and_on_its_diagonal_the_class_means(run: TrainedRun) -> None:
    torch.manual_seed(0)
    codes = torch.randn(3, *encode(run.stack, torch.rand(1, 1, 28, 28)).shape[1:])
    grid = mixtures(run.stack, codes)
    assert grid.shape == (3, 3, 1, 28, 28)
    assert torch.allclose(grid, grid.transpose(0, 1), atol=1e-6)
    assert torch.allclose(grid[range(3), range(3)], decode(run.stack, codes), atol=1e-6)
    assert torch.allclose(grid[0, 2], decode(run.stack, (codes[0] + codes[2])[None] / 2)[0], atol=1e-6)
