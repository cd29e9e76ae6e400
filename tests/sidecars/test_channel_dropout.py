import pytest
import torch
from torch import Tensor, nn

from lwtrain.compiling import check_compiler
from lwtrain.errors import ConfigError
from lwtrain.sidecars.channel_dropout import ChannelDropout


def dropped(dropout: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of the features, and the gradient that reaches them."""
    torch.manual_seed(1)
    features = features.clone().requires_grad_()
    left = dropout(features)
    left.square().sum().backward()
    assert features.grad is not None
    return left, features.grad


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [1, 4])
def test_it_is_torchs_own_bit_for_bit(p: float, dtype: torch.dtype, layout: torch.memory_format, size: int) -> None:
    features = (1 + torch.rand(8, 16, size, size, dtype=dtype)).contiguous(memory_format=layout)
    mine, theirs = (dropped(dropout, features) for dropout in (ChannelDropout(p), nn.Dropout2d(p)))
    assert torch.equal(mine[0], theirs[0])
    assert torch.equal(mine[1], theirs[1])
    assert mine[0].stride() == theirs[0].stride()
    assert (mine[0] == 0).any() == (p > 0)


def test_nothing_is_dropped_while_it_rests() -> None:
    features = torch.rand(2, 3, 4, 4)
    assert ChannelDropout(0.5).eval()(features) is features


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch 2.13's own, as it loads inductor
def test_compiled_it_drops_the_same_channels_of_images_of_one_pixel() -> None:
    try:
        check_compiler(torch.device("cpu"))
    except ConfigError as error:
        pytest.skip(str(error))
    torch._dynamo.reset()
    module = nn.Sequential(nn.BatchNorm2d(16), nn.LeakyReLU(), ChannelDropout(0.1))
    compiled = torch.compile(module, dynamic=False, options={"fallback_random": True})
    features = torch.rand(64, 16, 1, 1)
    for one, other in zip(dropped(compiled, features), dropped(module, features), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert dropped(module, features)[0].count_nonzero() < 0.95 * features.numel()
