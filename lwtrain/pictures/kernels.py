"""The filters that read the image itself: what the kernels of a first convolution look like."""

import math

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.utils import make_grid

_CELL = 28  # pixels that a kernel has at least on each side
_PER_ROW = 8
_REACH = 0.4  # of the strongest weight from grey: white is what stands between kernels
MOST = 64


def image_kernels(layer: nn.Module) -> Tensor | None:
    """Give the kernels of the first convolution, (filters, 1 or 3, height, width), of a layer that reads images.

    None where there is nothing to look at: in dense layers, behind other numbers of channels, in kernels of one pixel.

    Example:
        >>> kernels = image_kernels(nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()))
        >>> kernels.shape, image_kernels(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)))
        (torch.Size([5, 3, 3, 3]), None)
    """
    kernels = next((module.weight.detach() for module in layer.modules() if isinstance(module, nn.Conv2d)), None)
    return kernels if kernels is not None and kernels.shape[1] in (1, 3) and kernels[0, 0].numel() > 1 else None


def draw_kernels(kernels: Tensor, most: int = MOST) -> Tensor:
    """Lay kernels out as one picture, (3, height, width) in [0, 1]; zero is grey, and each kernel has its own scale.

    Args:
        kernels: (filters, 1 or 3, height, width)
        most: How many, from the first on.

    Example:
        >>> import torch
        >>> draw_kernels(torch.randn(4, 1, 3, 3)).shape
        torch.Size([3, 34, 130])
    """
    kernels = kernels[:most].float().cpu()
    strengths = kernels.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    times = math.ceil(_CELL / min(kernels.shape[-2:]))
    pixels = F.interpolate(0.5 + _REACH * kernels / strengths, scale_factor=times)
    return make_grid(pixels, nrow=_PER_ROW, pad_value=1.0)
