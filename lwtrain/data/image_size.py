"""Bring square images to another size."""

import torch.nn.functional as F
from torch import Tensor

from lwtrain.data.dataset_info import Fit


def bring_to_size(images: Tensor, size: int, fit: Fit) -> Tensor:
    """Make images `size` pixels high and wide.

    Args:
        images: (num_images, channels, height, width) uint8, with height = width.
        size: In pixels, 2 or more; not below the images' own where they are padded.
        fit: "pad": black on all sides, the images stay as they are in the middle; "scale": bilinear, and smoothed
            first where they get smaller.

    Returns:
        (num_images, channels, size, size) uint8; `images` itself if nothing is to be done.

    Example:
        >>> import torch
        >>> bring_to_size(torch.full((1, 1, 2, 2), 7, dtype=torch.uint8), 4, "pad")[0, 0]
        tensor([[0, 0, 0, 0],
                [0, 7, 7, 0],
                [0, 7, 7, 0],
                [0, 0, 0, 0]], dtype=torch.uint8)
    """
    missing = size - images.shape[-1]
    if not missing:
        return images
    if fit == "scale":
        return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    assert missing > 0
    before, after = missing // 2, missing - missing // 2
    return F.pad(images, (before, after, before, after))
