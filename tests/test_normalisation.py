import pytest
import torch
from torch import Tensor, nn

from lwtrain import in_place
from lwtrain.activations import LeakyReLU, ReLU
from lwtrain.normalisation import BatchNorm2d
from lwtrain.sidecars.grid_average import GridAverage


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some KiB count as large, and cut them into several parts."""
    monkeypatch.setattr(in_place, "_LARGE", 2**10)
    monkeypatch.setattr(in_place, "_ELEMENTS_IN_CACHE", 2**9)


def images(dtype: torch.dtype = torch.bfloat16) -> Tensor:
    drawn = torch.randn(16, 6, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 + 1
    return drawn.to(dtype).contiguous(memory_format=torch.channels_last)


def trained(norm: nn.Module, activation: nn.Module, inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Outputs, and all gradients in float32."""
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    inputs = inputs.clone().requires_grad_()
    average = GridAverage(2, 2)
    outputs = activation(norm(inputs * 1))
    weights = torch.linspace(-1, 2, 16 * 6 * 4).reshape(16, 6, 2, 2)
    (average(outputs).float() * weights).sum().backward()
    gradients = {"inputs": inputs.grad, "weight": norm.weight.grad, "bias": norm.bias.grad}
    return outputs.detach(), {name: gradient.float() for name, gradient in gradients.items()}


@pytest.mark.parametrize(("ours", "theirs"), [(ReLU, nn.ReLU), (LeakyReLU, nn.LeakyReLU)])
def test_values_are_torchs_and_gradients_within_rounding(ours: type[nn.Module], theirs: type[nn.Module]) -> None:
    torch.manual_seed(0)
    norm = BatchNorm2d(6)
    mine = trained(norm, ours(), images())
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(6)
    other = trained(plain, theirs(), images())
    torch.manual_seed(0)
    exact = trained(nn.BatchNorm2d(6), theirs(), images(torch.float32))
    assert torch.equal(mine[0], other[0])
    for name, buffer in plain.named_buffers():
        assert torch.equal(norm.state_dict()[name], buffer), name
    for name in exact[1]:
        ours_off, theirs_off = ((way[1][name] - exact[1][name]).norm() for way in (mine, other))
        assert ours_off < 1.2 * theirs_off + 1e-6, name


def kept_images(norm: nn.Module, activation: nn.Module, inputs: Tensor) -> set[int]:
    """Where the images lie that are kept for backward."""
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        outputs = activation(norm(inputs))
    assert outputs.requires_grad
    return {tensor.data_ptr() for tensor in kept if tensor.shape == inputs.shape}


def test_of_a_large_input_nothing_else_is_kept_for_backward() -> None:
    inputs = images().requires_grad_()
    assert kept_images(BatchNorm2d(6), ReLU(), inputs) == {inputs.data_ptr()}
    assert len(kept_images(nn.BatchNorm2d(6), nn.ReLU(inplace=True), inputs)) == 2


def test_a_gradient_that_others_read_is_left_alone() -> None:
    inputs, other = images().requires_grad_(), images().requires_grad_()
    (BatchNorm2d(6)(inputs) + other).float().mul(torch.arange(8.0)).sum().backward()
    assert torch.equal(other.grad, torch.arange(8.0).expand_as(other).to(torch.bfloat16))


@pytest.mark.parametrize("inputs", [images(torch.float32), images()[:1, :, :2, :2]], ids=["float32", "small"])
def test_what_is_not_large_is_torchs_bit_for_bit(inputs: Tensor) -> None:
    ours, theirs = (norm(inputs.clone().requires_grad_()) for norm in (BatchNorm2d(6), nn.BatchNorm2d(6)))
    assert torch.equal(ours, theirs)
    assert type(ours.grad_fn) is type(theirs.grad_fn)
