"""Whether images and labels fit a network, asked before it reads them."""

from collections.abc import Sequence

from torch import Tensor

from lwtrain.backbones.backbone import Shape


def check_images(shape: Sequence[int], labels: Tensor, input_shape: Shape | None, num_classes: int) -> None:
    """Make sure that a network can learn from images.

    Args:
        shape: (channels, height, width) of the images.
        labels: Of these images or some of them; below 0 for those that have none.
        input_shape: What the network reads; None if that is not known.
        num_classes: How many classes it tells apart.

    Raises:
        ValueError: If not.

    Example:
        >>> import torch
        >>> check_images((1, 28, 28), torch.tensor([0, 1]), (3, 32, 32), num_classes=2)
        Traceback (most recent call last):
        ValueError: images=1x28x28: this network reads 3x32x32, its input_shape
    """
    if input_shape is not None and tuple(shape) != tuple(input_shape):
        raise ValueError(f"images={_sizes(shape)}: this network reads {_sizes(input_shape)}, its input_shape")
    if len(labels) and int(labels.max()) >= num_classes:
        raise ValueError(
            f"labels={int(labels.max())}: this network's num_classes={num_classes} are 0 to {num_classes - 1}"
        )


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
