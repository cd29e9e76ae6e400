import math

import pytest
import torch
from torch import Tensor

from lwtrain.information.edge import EDGE, ensemble_weights, principal_components
from lwtrain.information.estimator import Estimator


def gaussians(correlation: float, dimensions: int = 1, samples: int = 2000, seed: int = 0) -> tuple[Tensor, Tensor]:
    x, noise = torch.randn(2, samples, dimensions, generator=torch.Generator().manual_seed(seed))
    return x, correlation * x + math.sqrt(1 - correlation**2) * noise


def information(correlation: float, dimensions: int = 1) -> float:
    """Of correlated gaussians, in bits."""
    return -0.5 * dimensions * math.log2(1 - correlation**2)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9, -0.9])
def test_correlated_gaussians_have_the_information_they_should(correlation: float) -> None:
    estimates = [EDGE().criterion(*gaussians(correlation, seed=seed)).item() for seed in range(2)]
    assert sum(estimates) / 2 == pytest.approx(information(correlation), rel=0.15, abs=0.1)


def test_a_thousand_samples_show_strong_dependence() -> None:
    estimate = EDGE().criterion(*gaussians(0.99, samples=1000)).item()
    assert estimate == pytest.approx(information(0.99), abs=0.15)  # of 2.83


@pytest.mark.parametrize("correlation", [0.3, 0.6, 0.9])
def test_pairs_of_gaussians_too(correlation: float) -> None:
    estimate = EDGE().criterion(*gaussians(correlation, dimensions=2, samples=1000)).item()
    assert estimate == pytest.approx(information(correlation, dimensions=2), abs=0.2)


@pytest.mark.parametrize("samples", [300, 1000])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_what_is_independent_has_none(dimensions: int, samples: int) -> None:
    x, y = gaussians(0.0, dimensions, samples)
    labels = torch.randint(10, (samples,), generator=torch.Generator().manual_seed(1))
    tolerance = 0.1 if samples == 1000 else 0.25
    assert EDGE().criterion(x, y).item() == pytest.approx(0.0, abs=tolerance)
    assert EDGE().criterion(x, labels).item() == pytest.approx(0.0, abs=tolerance)


@pytest.mark.parametrize(("spread", "truth"), [(1.0, 1.00), (3.0, 2.37)])
def test_pairs_tell_about_ten_clusters_what_they_do(spread: float, truth: float) -> None:
    generator = torch.Generator().manual_seed(0)
    centres = spread * torch.randn(10, 2, generator=torch.Generator().manual_seed(5))
    labels = torch.randint(10, (1000,), generator=generator)
    pairs = centres[labels] + torch.randn(1000, 2, generator=generator)
    assert EDGE().criterion(pairs, labels).item() == pytest.approx(truth, abs=0.2)  # by Monte Carlo


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_has_no_number(value: float) -> None:
    x, y = gaussians(0.6)
    x[7] = value
    assert EDGE().criterion(x, y).isnan()
    assert EDGE().criterion(y, x).isnan()


@pytest.mark.parametrize("flipped", [0.0, 0.1, 0.5])
def test_a_noisy_channel_has_the_information_it_should(flipped: float) -> None:
    x, flips = torch.rand(2, 20_000, generator=torch.Generator().manual_seed(0))
    x = (x < 0.5).long()
    capacity = 1 + sum(p * math.log2(p) for p in (flipped, 1 - flipped) if p)
    assert EDGE().criterion(x, x ^ (flips < flipped)).item() == pytest.approx(capacity, abs=0.01)


def test_numbers_tell_about_labels() -> None:
    labels = torch.arange(2000) % 4
    numbers = labels[:, None] + 0.01 * torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
    assert EDGE().criterion(numbers, labels).item() == pytest.approx(2.0, abs=0.05)
    assert EDGE().criterion(numbers, labels[torch.randperm(2000)]).item() == pytest.approx(0.0, abs=0.1)


def test_a_wide_layer_is_reduced_to_what_varies_most() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = gaussians(0.9)
    wide_x, wide_y = (rows @ torch.randn(1, 300, generator=generator) for rows in (x, y))
    assert EDGE(dimensions=1).criterion(wide_x, wide_y).item() == pytest.approx(information(0.9), abs=0.2)
    assert EDGE(dimensions=1).criterion(wide_x[:200], wide_y[:200]).item() == pytest.approx(information(0.9), abs=0.3)


@pytest.mark.parametrize("shape", [(50, 8), (8, 50)])
def test_principal_components_keep_distances(shape: tuple[int, int]) -> None:
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    components = principal_components(rows, count=8)
    assert torch.allclose(torch.pdist(components), torch.pdist(rows), atol=1e-3)


def test_units_do_not_matter() -> None:
    x, y = gaussians(0.6)
    assert EDGE().criterion(1000 * x, y / 7).item() == pytest.approx(EDGE().criterion(x, y).item(), abs=0.02)


def test_dead_units_tell_nothing() -> None:
    _, y = gaussians(0.6)
    assert EDGE().criterion(torch.zeros(2000, 2), y).item() == pytest.approx(0.0, abs=1e-6)


def test_nothing_is_drawn_from_the_global_generator_and_figures_repeat() -> None:
    x, y = gaussians(0.6, dimensions=50)
    before = torch.get_rng_state()
    first, second = EDGE().criterion(x, y), EDGE().criterion(x, y)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)


@pytest.mark.parametrize("powers", [(1,), (-4, 2)])
def test_weights_let_the_bias_cancel(powers: tuple[int, ...]) -> None:
    t = torch.linspace(1.5, 5, 10)
    weights = ensemble_weights(t, powers)
    sums = [(weights * t**power).sum().item() for power in (0, *powers)]
    assert sums == pytest.approx([1, *[0] * len(powers)], abs=1e-5)


def test_it_is_an_estimator() -> None:
    assert isinstance(EDGE(), Estimator)


@pytest.mark.parametrize("setting", ["dimensions", "repeats"])
def test_settings_out_of_range_are_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=rf"^{setting}=0: choose 1 or more"):
        EDGE(**{setting: 0})
