import pytest
import torch
from saved_bytes import SavedBytes
from torch import Tensor, nn

from lwtrain.compiling import check_compiler
from lwtrain.errors import ConfigError
from lwtrain.sidecars.channel_dropout import DroppingLeakyReLU


def dropped(dropout: nn.Module, features: Tensor, own: bool = True) -> tuple[Tensor, Tensor]:
    """What is left of the features, and the gradient that reaches them."""
    torch.manual_seed(1)
    features = features.clone().requires_grad_()
    left = dropout(features * 1 if own else features)  # what is its own may be written over
    left.square().sum().backward()
    assert features.grad is not None
    return left, features.grad


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [1, 4])
def test_it_is_torchs_own_bit_for_bit(p: float, dtype: torch.dtype, layout: torch.memory_format, size: int) -> None:
    features = torch.randn(8, 16, size, size).to(dtype).contiguous(memory_format=layout)
    torchs = nn.Sequential(nn.LeakyReLU(), nn.Dropout2d(p))
    mine, theirs = (dropped(module, features) for module in (DroppingLeakyReLU(p), torchs))
    assert torch.equal(mine[0], theirs[0])
    assert torch.equal(mine[1], theirs[1])
    assert mine[0].stride() == theirs[0].stride()
    assert (mine[0] == 0).any() == (p > 0)


def test_nothing_is_dropped_while_it_rests() -> None:
    features = torch.rand(2, 3, 4, 4)
    assert torch.equal(DroppingLeakyReLU(0.5).eval()(features.clone()), features)  # none is negative


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch 2.13's own, as it loads inductor
def test_compiled_it_drops_the_same_channels_of_images_of_one_pixel() -> None:
    try:
        check_compiler(torch.device("cpu"))
    except ConfigError as error:
        pytest.skip(str(error))
    torch._dynamo.reset()
    module = nn.Sequential(nn.BatchNorm2d(16), DroppingLeakyReLU(0.1))
    compiled = torch.compile(module, dynamic=False, options={"fallback_random": True})
    features = torch.rand(64, 16, 1, 1)
    for one, other in zip(dropped(compiled, features, own=False), dropped(module, features), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert dropped(module, features)[0].count_nonzero() < 0.95 * features.numel()


def test_one_tensor_is_kept_for_backward() -> None:
    counter, features = SavedBytes(), torch.randn(2, 64, 8, 8).requires_grad_()
    with counter.watch():
        left = DroppingLeakyReLU(0.1)(features + 0)
    assert counter.now == left.nbytes + 2 * 64 * 4
