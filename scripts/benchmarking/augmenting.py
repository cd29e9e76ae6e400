"""Augmentation as it was published: one image after the other, in Pillow, in the process that trains."""

from collections.abc import Callable

import torch
from torch import Tensor

from lwtrain.data.augmentation import preset


def one_by_one(name: str) -> Callable[[Tensor], Tensor]:
    """Give the preset called `name`, made of torchvision's transforms of Pillow images.

    Returns:
        A function of (batch, channels, height, width), floats in [0, 1].
    """
    from torchvision.transforms import v2
    from torchvision.transforms.v2 import functional

    like = preset(name)

    def augment(images: Tensor) -> Tensor:
        steps = [
            v2.RandomCrop(tuple(images.shape[-2:]), padding=like.padding),
            v2.RandomRotation(like.degrees),
            v2.RandomHorizontalFlip(0.5 if like.flip else 0.0),
            v2.ColorJitter(like.jitter, like.jitter, like.jitter, like.hue),
        ]
        one = v2.Compose([functional.to_pil_image, *steps, functional.pil_to_tensor])
        return torch.stack([one(image).float().div_(255) for image in images.cpu()]).to(images.device)

    return augment
