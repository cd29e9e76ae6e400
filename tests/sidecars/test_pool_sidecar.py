import pytest
import torch

from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.pool import PoolSidecar


def build(outputs: tuple[int, int, int], grid: int = 2) -> PoolSidecar:
    return SIDECARS["pool"]("pool", LayerShape((3, 8, 8), outputs), 10, depth=1, grid=grid)


def test_logits_are_linear_in_the_means_of_the_grid() -> None:
    sidecar = build((1, 4, 4))
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    means = torch.tensor([[2.5, 4.5, 10.5, 12.5]])
    torch.testing.assert_close(sidecar.classify(features), sidecar.classifier.classes(means))


def test_nothing_is_rebuilt() -> None:
    sidecar = build((4, 8, 8))
    assert not sidecar.rebuilds
    logits, reconstruction, *_ = sidecar(torch.rand(5, 4, 8, 8), num_labelled=2)
    assert logits.shape == (2, 10)
    assert reconstruction is None


@pytest.mark.parametrize(("outputs", "inputs"), [((6, 1, 1), 6), ((6, 2, 8), 48), ((6, 9, 9), 96)])
def test_outputs_below_the_grid_are_not_repeated(outputs: tuple[int, int, int], inputs: int) -> None:
    sidecar = build(outputs, grid=4)
    assert sidecar.classifier.classes.in_features == inputs
    assert sidecar.classify(torch.rand(2, *outputs)).shape == (2, 10)


def test_grid_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^encoder\.grid=0: choose 1 or more$"):
        build((4, 8, 8), grid=0)


def test_unknown_encoder_names_the_choices() -> None:
    with pytest.raises(
        ValueError, match="encoder=poll: did you mean 'pool'\\? Choices: a, b, c, conv, dense, infopro, mirror, pool"
    ):
        SIDECARS["poll"]
