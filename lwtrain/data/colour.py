"""Brightness, contrast, saturation and hue, each image by its own amount.

The meaning is torchvision's (`adjust_brightness` and its siblings), for batches of float images in [0, 255], shaped
(num_images, channels, height, width), and amounts shaped (num_images,). Nothing is rounded in between: the results are
those of torchvision on floats, and up to 2 of 255 away from its uint8, which truncates the grey and the result.

Every operation here is exactly rounded element by element (the one sum is over whole numbers), so an image's result
is bitwise the same in any batch. That is why there is no `lerp`, no `alpha=` and no matrix product: vectorised code
may fuse their steps for some elements and not for others. Nor is there a `where`: on a CPU it takes as long as 25
products.
"""

import torch
from torch import Tensor


def jitter(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, hue: Tensor) -> Tensor:
    """Adjust all four, in this order; of a grey image the first two.

    Args:
        images: (num_images, 1 or 3, height, width) in [0, 255].
        brightness: (num_images,) factors, as are `contrast` and `saturation`; 1 changes nothing.
        contrast: See `adjust_contrast`.
        saturation: See `adjust_saturation`.
        hue: (num_images,) turns of the colour wheel; 0 changes nothing.

    Raises:
        ValueError: If the images are neither grey nor coloured.
    """
    channels = images.shape[1]
    if channels not in (1, 3):
        raise ValueError(f"dataset.augmentation: colours can change in images of 1 or 3 channels, not {channels}")
    images = adjust_contrast(adjust_brightness(images, brightness), contrast)
    return images if channels == 1 else adjust_hue(adjust_saturation(images, saturation), hue)


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Scale every pixel: 0 gives black, 1 the image itself.

    Example:
        >>> adjust_brightness(torch.full((2, 1, 1, 1), 100.0), torch.tensor([0.5, 3.0])).flatten()
        tensor([ 50., 255.])
    """
    return (images * _per_image(factors)).clamp_(0, 255)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Scale every pixel's difference from the image's mean grey: 0 gives that grey, 1 the image itself.

    The mean is that of greys rounded to whole numbers: their sum is exact, in whatever order it is taken.
    """
    total = _grey(images).round_().sum(dim=(1, 2, 3), keepdim=True, dtype=torch.float64)
    return _blend(images, (total / images.shape[2:].numel()).float(), factors)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Scale every pixel's difference from its own grey: 0 gives a grey image, 1 the image itself."""
    return _blend(images, _grey(images), factors)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn every pixel's hue on the colour wheel of HSV; a third of a turn makes red green.

    Hue counts sixths of a turn from red, so green stands at 2 and blue at -2. A primary has its full share of a
    pixel's chroma up to distance 1 from its place on the wheel, and none from distance 2 on.

    Example:
        >>> red = torch.tensor([200.0, 50.0, 50.0]).view(1, 3, 1, 1)
        >>> adjust_hue(red, torch.tensor([1 / 3])).flatten().round()
        tensor([ 50., 200.,  50.])
    """
    red, green, blue = images.split(1, dim=1)
    darkest = torch.minimum(torch.minimum(red, green), blue)
    chroma = torch.maximum(torch.maximum(red, green), blue) - darkest

    # The textbooks tell apart which channel is the brightest. All cases meet in this distance from red, without a
    # branch; the grey of chroma 0 has no hue and needs none.
    from_red = 1 + (green + blue - red - darkest) / chroma.clamp(min=1e-6)
    hue = from_red.copysign_(green - blue) + _per_image(6 * turns)

    distance = hue - torch.tensor([0.0, 2.0, -2.0], device=images.device).view(3, 1, 1)
    distance -= (distance * (1 / 6)).round_().mul_(6)  # the short way round
    share = (2 - distance.abs_()).clamp_(0, 1)
    return share.mul_(chroma).add_(darkest)


def _per_image(amounts: Tensor) -> Tensor:
    return amounts.view(-1, 1, 1, 1)


def _grey(images: Tensor) -> Tensor:
    """Luma after ITU-R BT.601, (num_images, 1, height, width)."""
    if images.shape[1] == 1:
        return images.clone()
    red, green, blue = images.split(1, dim=1)
    return red * 0.2989 + green * 0.587 + blue * 0.114


def _blend(images: Tensor, others: Tensor, factors: Tensor) -> Tensor:
    factors = _per_image(factors)
    return (images * factors).add_(others * (1 - factors)).clamp_(0, 255)
