import math

import pytest
import torch

from lwtrain.information import ESTIMATORS
from lwtrain.information.binning import Binning, entropy, mutual_information, numbered
from lwtrain.information.estimator import Estimator


def test_of_a_table_by_hand() -> None:
    # 3 of 8 pairs are (0, 0), 1 is (0, 1), 1 is (1, 0) and 3 are (1, 1): 1 - H(1/4) bits
    x, y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), torch.tensor([0, 0, 0, 1, 0, 1, 1, 1])
    expected = 1 + 0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)
    assert mutual_information(x, y).item() == pytest.approx(expected, rel=1e-6)
    assert Binning().criterion(x, y).item() == pytest.approx(expected, rel=1e-6)


def test_a_variable_tells_all_about_itself_and_nothing_about_a_constant() -> None:
    x = torch.arange(64) % 8
    assert mutual_information(x, x).item() == entropy(x).item() == 3.0
    assert mutual_information(x, torch.zeros(64, dtype=torch.long)).item() == 0.0


def test_what_names_values_have_does_not_matter() -> None:
    x = torch.arange(60) % 3
    assert torch.equal(mutual_information(x, x), mutual_information(x, 100 - 7 * x))


def test_numbers_in_one_bin_are_not_told_apart() -> None:
    x = torch.tensor([[0.0], [0.04], [0.96], [1.0]])
    labels = torch.arange(4)
    assert Binning(bins=10).criterion(x, labels).item() == 1.0
    assert Binning(bins=30).criterion(x, labels).item() == 2.0


def test_samples_of_many_numbers_are_told_apart_by_any_of_them() -> None:
    images = torch.zeros(4, 1, 2, 2)
    images[0, 0, 0, 0] = images[1, 0, 1, 1] = images[2, 0, 0, 1] = 1.0
    assert Binning(bins=2).criterion(images, torch.arange(4)).item() == 2.0


def test_dead_units_tell_nothing() -> None:
    assert Binning().criterion(torch.full((6, 3), 0.5), torch.arange(6)).item() == 0.0


def test_a_wide_layer_is_as_good_as_a_list_of_names() -> None:
    noise = torch.rand(128, 100, generator=torch.Generator().manual_seed(0))
    assert Binning().criterion(noise, torch.arange(128) % 2).item() == 1.0  # it knows nothing of them, in truth


def test_it_is_an_estimator_and_can_be_had_by_name() -> None:
    assert isinstance(ESTIMATORS["binning"]("binning", bins=5), Estimator)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_has_no_number(value: float) -> None:
    x = torch.rand(8, 3, generator=torch.Generator().manual_seed(0))
    x[5, 1] = value
    assert Binning().criterion(x, torch.arange(8)).isnan()


@pytest.mark.parametrize("columns", [1, 3, 40])
def test_rows_have_the_same_number_where_they_are_the_same(columns: int) -> None:
    rows = torch.randint(-5, 30, (50, columns), generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    numbers = numbered(rows)
    same = (rows[:, None] == rows).all(dim=2)
    assert torch.equal(numbers[:, None] == numbers, same)


def test_one_bin_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^bins=1: choose 2 or more"):
        Binning(bins=1)
