import copy
from collections.abc import Callable

import pytest
import torch
from tiny import tiny_backbone, tiny_stack
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from lwtrain.folding import FoldedLayer
from lwtrain.pooling import MaxPool2d

IMAGES = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def experienced_layer() -> nn.Module:
    """A layer whose batch norm has statistics and weights of its own."""
    torch.manual_seed(0)
    layer = tiny_backbone().layers[0]
    for _ in range(3):
        layer(torch.randn(16, 3, 8, 8) * 3 + 1)
    nn.init.normal_(layer[1].weight, 1, 0.3)
    nn.init.normal_(layer[1].bias)
    return layer.eval()


def folded_alone(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    return FoldedLayer(layer, nn.Identity()).features


@torch.no_grad()
def run(layer: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return layer(IMAGES).float()


def test_a_folded_layer_is_as_near_the_exact_one_as_the_layer_itself() -> None:
    layer = experienced_layer()
    with torch.no_grad():
        exact = layer(IMAGES)
    own, folded = ((run(way) - exact).abs().mean().item() for way in (layer, folded_alone(layer)))
    assert 0 < folded < 1.2 * own


@pytest.fixture
def norm_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a batch norm runs."""
    calls: list[int] = []
    forward = nn.BatchNorm2d.forward
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda *given: (calls.append(1), forward(*given))[1])
    return calls


def test_no_batch_norm_runs(norm_calls: list[int]) -> None:
    layer = experienced_layer()
    norm_calls.clear()
    run(folded_alone(layer))
    assert not norm_calls


@pytest.mark.parametrize("what", ["0.weight", "1.bias", "1.running_var"])
def test_a_change_is_noticed(what: str) -> None:
    layer = experienced_layer()
    folded = folded_alone(layer)
    before = run(folded)
    tensor = layer.state_dict()[what]
    tensor.mul_(3)
    assert not torch.equal(run(folded), before)
    assert torch.equal(run(folded), run(folded_alone(layer)))


def test_loaded_weights_are_noticed() -> None:
    layer = experienced_layer()
    folded, other = folded_alone(layer), copy.deepcopy(layer)
    nn.init.normal_(other[0].weight)
    before = run(folded)
    layer.load_state_dict(other.state_dict())
    assert not torch.equal(run(folded), before)


def test_a_copy_of_a_layer_folds_its_own_weights() -> None:
    stack = tiny_stack().eval()
    run(stack.layers[0])
    other = copy.deepcopy(stack)
    nn.init.normal_(other.layers[0].layer[0].weight)
    assert not torch.equal(run(other.layers[0]), run(stack.layers[0]))


def test_only_resting_layers_in_half_precision_are_folded(norm_calls: list[int]) -> None:
    part = tiny_stack().layers[0]
    norm_calls.clear()  # building has found shapes out
    part.train()
    run(part)
    assert len(norm_calls) == 1  # it learns
    part.eval()
    with torch.no_grad():
        part(IMAGES)
    assert len(norm_calls) == 2  # float32: bit for bit the layer's own
    run(part)
    assert len(norm_calls) == 2


@pytest.mark.parametrize("place", ["itself", "0", "1", "2"])
@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_layer_with_a_hook_runs_as_it_is_from_then_on(place: str, kind: str) -> None:
    layer = experienced_layer()
    folded, calls = folded_alone(layer), []
    run(folded)
    getattr(layer if place == "itself" else layer.get_submodule(place), kind)(lambda *_: calls.append(1))
    assert torch.equal(run(folded), run(layer))
    assert len(calls) == 2


@pytest.mark.parametrize(
    "norm", [weight_norm, spectral_norm, nn.utils.spectral_norm], ids=["weight", "spectral", "old"]
)
def test_convolutions_whose_weight_is_computed_run_as_they_are(norm: Callable[[nn.Module], nn.Module]) -> None:
    layer = experienced_layer()
    layer[0] = norm(layer[0])
    layer.eval()
    assert torch.equal(run(folded_alone(layer)), run(layer))


def test_what_cannot_be_folded_runs_as_it_is() -> None:
    layer = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    assert torch.equal(run(folded_alone(layer)), run(layer))
    own = nn.Conv2d(3, 4, 3)
    assert torch.equal(run(folded_alone(own)), run(own))
    assert all(parameter.requires_grad for parameter in layer.parameters())


def test_a_sequential_with_a_forward_of_its_own_runs_as_it_is() -> None:
    class Residual(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            return images + super().forward(images)

    layer = Residual(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)).eval()
    assert torch.equal(run(folded_alone(layer)), run(layer))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(), nn.Tanh()], ids=lambda module: type(module).__name__)
def test_what_is_carried_is_the_map_of_the_features_bit_for_bit(activation: nn.Module) -> None:
    layer = experienced_layer()
    layer[2] = activation
    folded, map = FoldedLayer(layer, MaxPool2d()), nn.MaxPool2d(2)
    carried = run(folded.carried)
    assert carried.shape == (8, 4, 4, 4)
    assert torch.equal(carried, map(run(folded.features)))
    average = FoldedLayer(layer, nn.AvgPool2d(2))
    assert torch.equal(run(average.carried), run(lambda images: nn.AvgPool2d(2)(average.features(images))))


def test_a_step_of_the_optimizer_is_noticed() -> None:
    part = tiny_stack().layers[0]
    optimizer = torch.optim.Adam(part.parameters(), fused=True)
    before = run(part.eval())
    part.train().local_step(IMAGES, torch.tensor([0, 1])).losses.total.backward()
    optimizer.step()
    after = run(part.eval())
    assert not torch.equal(after, before)
    assert torch.equal(after, run(FoldedLayer(part.layer, part.map).carried))
