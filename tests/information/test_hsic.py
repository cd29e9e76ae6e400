"""The criterion against its formula written out: explicit differences, explicit H, float64."""

import statistics

import pytest
import torch
from torch import Tensor

from compare_hsic import compare
from lwtrain.information import ESTIMATORS
from lwtrain.information.estimator import Estimator
from lwtrain.information.hsic import HSIC, normalised_hsic
from lwtrain.information.kernels import gaussian_kernel, kernel, label_kernel
from lwtrain.information.samples import as_rows

torch.set_num_threads(1)  # the times of several would depend on what else the machine does


def naive_kernel(x: Tensor, sigma: float) -> Tensor:
    x = x.double()
    differences = x[:, None] - x[None]  # (samples, samples, numbers)
    return torch.exp(-differences.square().sum(dim=2) / (2 * sigma**2 * x.shape[1]))


def naive_hsic(kx: Tensor, ky: Tensor) -> Tensor:
    m = len(kx)
    h = torch.eye(m).double() - 1 / m
    return torch.trace(kx @ h @ ky @ h) / (m - 1) ** 2


def naive_normalised_hsic(kx: Tensor, ky: Tensor, epsilon: float = 1e-5) -> Tensor:
    m = len(kx)
    h = torch.eye(m).double() - 1 / m
    gx, gy = h @ kx @ h, h @ ky @ h
    ridge = epsilon * m * torch.eye(m).double()
    return torch.trace(gx @ torch.linalg.inv(gx + ridge) @ gy @ torch.linalg.inv(gy + ridge))


def samples(num_samples: int = 64, numbers: int = 20, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Images, a layer's output that depends on them, and labels that depend on that."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(num_samples, numbers, generator=generator)
    z = (x @ torch.randn(numbers, 10, generator=generator)).relu()
    return x, z, z.argmax(dim=1)


@pytest.mark.parametrize("sigma", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_the_criterion_is_that_of_the_formula(sigma: float, offset: float) -> None:
    x, z, labels = samples()
    x = x + offset
    kx, kz, ky = naive_kernel(x, sigma), naive_kernel(z, sigma), torch.nn.functional.one_hot(labels, 10).double()
    assert HSIC(sigma).criterion(z, x).item() == pytest.approx(naive_hsic(kz, kx).item(), rel=1e-5)
    assert HSIC(sigma).criterion(z, labels).item() == pytest.approx(naive_hsic(kz, ky @ ky.T).item(), rel=1e-5)


@pytest.mark.parametrize("sigma", [0.2, 1.0, 5.0])
def test_the_normalised_criterion_is_that_of_the_formula(sigma: float) -> None:
    x, z, labels = samples()
    kx, kz, ky = naive_kernel(x, sigma), naive_kernel(z, sigma), label_kernel(labels).double()
    measure = HSIC(sigma, normalised=True)
    assert measure.criterion(z, x).item() == pytest.approx(naive_normalised_hsic(kz, kx).item(), rel=5e-5)
    assert measure.criterion(z, labels).item() == pytest.approx(naive_normalised_hsic(kz, ky).item(), rel=5e-5)


@pytest.mark.parametrize("normalised", [False, True])
def test_gradients_are_those_of_the_formula(normalised: bool) -> None:
    _, z, labels = samples()
    z, exact = z.clone().requires_grad_(), z.double().requires_grad_()
    HSIC(1.0, normalised).criterion(z, labels).backward()
    formula = naive_normalised_hsic if normalised else naive_hsic
    formula(naive_kernel(exact, 1.0), label_kernel(labels).double()).backward()
    scale = exact.grad.abs().max().item()
    assert torch.allclose(z.grad.double(), exact.grad, atol=scale * (1e-2 if normalised else 1e-5), rtol=0)


def test_it_agrees_with_the_naive_way_and_is_much_faster() -> None:
    comparisons = [compare(samples=256, numbers=784, repeats=1) for _ in range(5)]
    assert comparisons[0].difference < 1e-5
    assert statistics.median(comparison.ratio for comparison in comparisons) > 20  # 150 on a quiet machine


def test_images_with_their_channels_last_are_read_without_copying_and_give_the_same() -> None:
    images = torch.rand(16, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    turned = images.contiguous(memory_format=torch.channels_last)
    assert as_rows(turned).data_ptr() == turned.data_ptr()
    assert torch.allclose(gaussian_kernel(images, 1.0), gaussian_kernel(turned, 1.0), atol=1e-6)


def test_a_layer_twice_as_wide_looks_the_same_to_the_kernel() -> None:
    x, _, _ = samples()
    assert torch.allclose(gaussian_kernel(x, 0.5), gaussian_kernel(torch.cat([x, x], dim=1), 0.5), atol=1e-6)


def test_half_precision_and_autocast_do_not_reach_the_kernel() -> None:
    x, z, _ = samples()
    rounded = x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        measured = HSIC(1.0).criterion(rounded, z)
    assert measured.dtype == torch.float32
    assert torch.equal(measured, HSIC(1.0).criterion(rounded.float(), z))


def test_the_normalised_criterion_counts_classes() -> None:
    labels = torch.arange(100) % 10
    kernel_matrix = label_kernel(labels)
    assert normalised_hsic(kernel_matrix, kernel_matrix).item() == pytest.approx(9.0, rel=1e-3)
    assert normalised_hsic(kernel_matrix, 50 * kernel_matrix).item() == pytest.approx(9.0, rel=1e-3)


def test_independent_variables_have_next_to_none() -> None:
    _, z, labels = samples(num_samples=512)
    shuffled = labels[torch.randperm(512, generator=torch.Generator().manual_seed(0))]
    assert HSIC(1.0).criterion(z, labels).item() > 10 * HSIC(1.0).criterion(z, shuffled).item()


def test_a_constant_layer_has_none() -> None:
    _, _, labels = samples()
    assert HSIC(1.0).criterion(torch.ones(64, 5), labels).item() == 0.0
    assert HSIC(1.0, normalised=True).criterion(torch.ones(64, 5), labels).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("normalised", [False, True])
def test_what_is_not_finite_stays_so(normalised: bool) -> None:
    _, z, labels = samples()
    z[3, 3] = torch.nan
    assert HSIC(1.0, normalised).criterion(z, labels).isnan()


def test_integers_in_one_dimension_are_labels_and_others_numbers() -> None:
    labels = torch.tensor([0, 5, 0])
    assert torch.equal(kernel(labels, 1.0), label_kernel(labels))
    assert torch.equal(kernel(labels[:, None], 1.0), gaussian_kernel(labels[:, None].float(), 1.0))


def test_it_is_an_estimator_and_can_be_had_by_name() -> None:
    assert isinstance(HSIC(), Estimator)
    assert not ESTIMATORS["hsic"]("hsic").normalised
    assert ESTIMATORS["normalised_hsic"]("normalised_hsic", sigma=2.0).normalised
    assert set(ESTIMATORS) >= {"binning", "edge", "hsic", "normalised_hsic"}


def test_any_class_with_a_criterion_is_an_estimator() -> None:
    class Correlation:
        def criterion(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1]

    assert isinstance(Correlation(), Estimator)
    assert not isinstance(object(), Estimator)


def test_samples_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^samples=3 and 2: choose as many of both"):
        HSIC().criterion(torch.zeros(3, 1), torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"^samples=1 and 1: choose as many of both variables, at least 2"):
        HSIC().criterion(torch.zeros(1, 1), torch.zeros(1, 1))
    with pytest.raises(ValueError, match=r"^sigma=0: choose a number above 0"):
        HSIC(sigma=0)


@pytest.mark.parametrize("normalised", [False, True])
def test_the_criterion_is_the_product_of_its_factors(normalised: bool) -> None:
    x, z, _ = samples()
    measure, kx, kz = HSIC(1.0, normalised), gaussian_kernel(x, 1.0), gaussian_kernel(z, 1.0)
    assert torch.equal(measure.of_kernels(kz, kx), measure.criterion(z, x))
    product = (measure.factor(kz) * measure.factor(kx)).sum()
    assert product.item() == pytest.approx(measure.criterion(z, x).item(), rel=1e-5)
