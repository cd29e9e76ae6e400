import math

import pytest
import torch

from lwtrain.information.binning import entropy, mutual_information
from lwtrain.information.chance import beyond_chance, grassberger_entropy


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_few_samples_in_many_cells_tell_nothing_beyond_chance() -> None:
    x, y = torch.randint(100, (2, 200), generator=generator())
    assert mutual_information(x, y).item() > 4
    shuffles = generator()
    mean = sum(beyond_chance(x, y, shuffles).item() for _ in range(50)) / 50
    assert mean == pytest.approx(0.0, abs=0.35)


def test_what_follows_from_the_other_has_all_its_information() -> None:
    x = torch.arange(600) % 60
    y = x // 10
    assert beyond_chance(x, y, generator()).item() == pytest.approx(entropy(y).item(), rel=0.01)


def test_many_samples_have_the_information_of_their_table() -> None:
    x = torch.arange(20_000) % 2
    y = torch.where(torch.rand(20_000, generator=generator()) < 0.1, 1 - x, x)
    assert beyond_chance(x, y, generator()).item() == pytest.approx(mutual_information(x, y).item(), abs=2e-3)


def test_a_constant_has_none() -> None:
    assert beyond_chance(torch.zeros(50, dtype=torch.long), torch.arange(50), generator()).item() == 0.0


def test_the_entropy_of_few_throws_is_nearer_to_the_truth() -> None:
    throws = torch.randint(64, (100, 128), generator=generator())
    plain = sum(entropy(each).item() for each in throws) / 100
    corrected = sum(grassberger_entropy(each).item() for each in throws) / 100
    assert plain < math.log2(64) - 0.3
    assert corrected == pytest.approx(math.log2(64), abs=0.05)
