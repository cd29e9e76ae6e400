"""Crop, rotate and flip every image its own way, in one gather; and cut a square out of it."""

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 128  # what is cut out: halfway between black, which may stand for something, and white


def move(images: Tensor, shift: Tensor, flipped: Tensor, turn: Tensor | None, padding: int) -> Tensor:
    """Crop each image out of a black frame, rotate it about its centre, then flip it.

    Pixels are only moved, never mixed: a rotated pixel is the nearest one of its image, which is what torchvision's
    `RandomRotation` does unless told otherwise. So one gather of bytes does all three steps, without the blur of an
    interpolation. What comes from outside the cropped image is black.

    Args:
        images: (num_images, channels, height, width), of any type.
        shift: (num_images, 2) integers in [-padding, padding]: how far the cropped window lies below and to the right
            of the image.
        flipped: (num_images,) booleans.
        turn: (num_images, 2): cosine and sine of the angle, counter-clockwise; None rotates nothing.
        padding: Width of the black frame.

    Returns:
        Images of the same shape and type.

    Example:
        >>> image = torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8)
        >>> one_down, stay = torch.tensor([[1, 0]]), torch.tensor([False])
        >>> move(image, one_down, stay, turn=None, padding=1).tolist()
        [[[[3, 4], [0, 0]]]]
    """
    border = max(padding, 1)  # at least 1, so that pixel 0 of the framed image is black
    height, width = images.shape[-2:]
    framed = F.pad(images, [border] * 4)
    pixels = _sources(height, width, shift + border, flipped, turn, stride=width + 2 * border)
    everywhere = pixels.flatten(1).unsqueeze(1).expand(-1, images.shape[1], -1)
    return framed.flatten(2).gather(2, everywhere).view(images.shape)


def cut_out(images: Tensor, middle: Tensor, share: float) -> Tensor:
    """Turn a square of each image grey, as far as it lies on the image.

    Args:
        images: (num_images, channels, height, width), of any type.
        middle: (num_images, 2): how far down and to the right the square's middle lies, in [0, 1) of the image.
        share: The square's side, as a share of the image's shorter side.

    Returns:
        Images of the same shape and type.

    Example:
        >>> cut_out(torch.zeros(1, 1, 2, 4, dtype=torch.uint8), torch.tensor([[0.0, 0.5]]), share=0.5).tolist()
        [[[[0, 0, 128, 0], [0, 0, 0, 0]]]]
    """
    height, width = images.shape[-2:]
    side = round(share * min(height, width))
    down, right = (
        _between(torch.arange(length, device=images.device), (middle[:, axis] * length).long() - side // 2, side)
        for axis, length in enumerate((height, width))
    )
    return images.masked_fill((down[:, :, None] & right[:, None, :])[:, None], GREY)


def _between(positions: Tensor, start: Tensor, length: int) -> Tensor:
    """For each image, (num_images, positions) whether a position is one of `length` from its `start` on."""
    from_start = positions - start[:, None]
    return (from_start >= 0) & (from_start < length)


def _sources(height: int, width: int, corner: Tensor, flipped: Tensor, turn: Tensor | None, stride: int) -> Tensor:
    """For each pixel of the result, which pixel of the framed image it shows; 0, a black one, for none."""
    y = torch.arange(height, device=corner.device)[:, None]
    x = torch.arange(width, device=corner.device)
    x = torch.where(flipped[:, None, None], width - 1 - x, x)  # (num_images, 1, width)
    start = (corner[:, 0] * stride + corner[:, 1])[:, None, None]
    if turn is None:
        return y * stride + (x + start)

    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    cosine, sine = turn[:, 0, None, None], turn[:, 1, None, None]
    from_y, from_x = y - middle_y, x - middle_x
    source_y = (from_x * sine + middle_y + from_y * cosine).round_()
    source_x = (from_x * cosine + middle_x - from_y * sine).round_()
    inside = _inside(source_y, height).mul_(_inside(source_x, width))
    # Still whole numbers, which float32 holds exactly up to 2^24 pixels.
    return source_y.mul_(stride).add_(source_x).add_(start).mul_(inside).long()


def _inside(positions: Tensor, length: int) -> Tensor:
    """1 for whole numbers from 0 to length - 1, and 0 for others: 4 times faster than comparing."""
    middle = (length - 1) / 2
    return (middle + 1 - (positions - middle).abs_()).clamp_(0, 1)
