import torch
from torch import nn

from lwtrain.pictures.kernels import draw_kernels, image_kernels


def test_kernels_of_one_pixel_or_of_many_channels_are_not_shown() -> None:
    assert image_kernels(nn.Conv2d(3, 4, 1)) is None
    assert image_kernels(nn.Sequential(nn.Conv2d(16, 4, 3), nn.Conv2d(4, 3, 3))) is None


def test_the_first_convolution_is_shown() -> None:
    first = nn.Conv2d(1, 4, 3)
    shown = image_kernels(nn.Sequential(first, nn.ReLU(), nn.Conv2d(4, 3, 3)))
    assert shown is not None
    assert torch.equal(shown, first.weight)


def test_zero_is_grey_and_each_kernel_reaches_as_far() -> None:
    kernels = torch.zeros(2, 1, 2, 2)
    kernels[0, 0, 0, 0], kernels[1, 0, 1, 1] = 5.0, -0.01
    picture = draw_kernels(kernels)
    shades = sorted({round(float(shade), 2) for shade in picture.unique()})
    assert shades == [0.1, 0.5, 0.9, 1.0]  # 1 between the kernels
