import pytest
import torch
from torch import nn

from lwtrain.pooling import MaxPool2d


@pytest.mark.parametrize("size", [(4, 6), (5, 4), (3, 3)], ids=str)
@pytest.mark.parametrize("ceil_mode", [True, False])
@pytest.mark.parametrize("learning", [True, False])
def test_it_is_torchs_own_bit_for_bit(size: tuple[int, int], ceil_mode: bool, learning: bool) -> None:
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)).requires_grad_(learning)
    ours, theirs = MaxPool2d(ceil_mode)(images), nn.MaxPool2d(2, ceil_mode=ceil_mode)(images)
    assert torch.equal(ours, theirs)
    assert ours.requires_grad == learning


def test_what_is_not_a_number_stays_so() -> None:
    images = torch.zeros(1, 1, 2, 2)
    images[..., 1, 0] = torch.nan
    assert MaxPool2d()(images).isnan().all()


def test_images_stay_channels_last() -> None:
    images = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    assert MaxPool2d()(images).is_contiguous(memory_format=torch.channels_last)
