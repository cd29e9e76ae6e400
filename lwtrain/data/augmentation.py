"""Training images altered at random, each in its own way, whole batches at a time."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from lwtrain.data import colour, geometry
from lwtrain.data.presets import PRESET_NAMES, PRESETS, Ranges
from lwtrain.registry import choices_hint

# So many are altered at a time: few enough for float copies to stay in the cache (128 images of CIFAR's size were the
# fastest of 8 to 512), and memory does not grow with the batch.
CHUNK_PIXELS = 128 * 32 * 32
ACCELERATED = 32  # times as many on an accelerator, where launching a kernel costs more than what so few images take


@dataclass(frozen=True, eq=False)
class Parameters:
    """What was drawn for each image. `parameters[rows]` are those of some of the images."""

    shift: Tensor  # (num_images, 2) int64: how far the crop moves down and right
    flipped: Tensor  # (num_images,) bool
    turn: Tensor  # (num_images, 2): cosine and sine of the angle, for a sine may differ in its last bit by batch
    brightness: Tensor  # (num_images,) factors, as are the next two
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (num_images,) turns of the colour wheel
    cut: Tensor  # (num_images, 2): where the grey square's middle lies, from 0, top and left, to 1

    def __len__(self) -> int:
        return len(self.flipped)

    def __getitem__(self, rows: slice | Tensor) -> "Parameters":
        return Parameters(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> "Parameters":
        """Move all of them, which costs little: some 50 bytes an image."""
        return Parameters(*(getattr(self, field.name).to(device) for field in fields(self)))


@dataclass(frozen=True)
class Augmentation(Ranges):
    """Alters images within its ranges: crop, rotation, flip, brightness, contrast, saturation, hue, cutout, in order.

    Drawing is apart from doing, so a view of the data can be stored as its `Parameters` and made again. The same
    generator gives the same parameters, and an image's result depends on that image and its parameters alone,
    bitwise, whatever else is in the batch.

    Grey images have neither saturation nor hue: of the colours, only brightness and contrast change.

    Example:
        >>> images = torch.randint(0, 256, (100, 3, 32, 32), dtype=torch.uint8)
        >>> augmentation = Augmentation(padding=4, flip=True)
        >>> parameters = augmentation.draw(len(images), torch.Generator().manual_seed(0))
        >>> rows = torch.tensor([70, 7])
        >>> torch.equal(augmentation(images, parameters)[rows], augmentation(images[rows], parameters[rows]))
        True
    """

    def draw(self, num_images: int, generator: torch.Generator) -> Parameters:
        """Draw anew for every image, on the CPU (as must be the generator)."""

        def uniform(reach: float) -> Tensor:
            return (torch.rand(num_images, generator=generator) * 2 - 1) * reach

        shift = torch.randint(-self.padding, self.padding + 1, (num_images, 2), generator=generator)
        flipped = torch.rand(num_images, generator=generator) < (0.5 if self.flip else 0)
        angle = torch.deg2rad(uniform(self.degrees))
        return Parameters(
            shift=shift,
            flipped=flipped,
            turn=torch.stack([angle.cos(), angle.sin()], dim=1),
            brightness=1 + uniform(self.jitter),
            contrast=1 + uniform(self.jitter),
            saturation=1 + uniform(self.jitter),
            hue=uniform(self.hue),
            # Drawn last, and only where it is needed: what was drawn before there was a cutout stays as it was.
            cut=torch.rand(num_images, 2, generator=generator) if self.cutout else torch.zeros(num_images, 2),
        )

    def __call__(self, images: Tensor, parameters: Parameters) -> Tensor:
        """Alter each image as its parameters say.

        Args:
            images: (num_images, channels, height, width), uint8, on any device.
            parameters: One entry per image, from `draw`.

        Returns:
            New images of the same shape, type and device.

        Raises:
            ValueError: If the images are not uint8, or colours are to change in other than 1 or 3 channels.
        """
        if images.dtype != torch.uint8:
            raise ValueError(f"images={images.dtype}: augmentation takes torch.uint8")
        assert len(images) == len(parameters)
        parameters = parameters.to(images.device)
        altered = torch.empty_like(images, memory_format=torch.contiguous_format)
        pixels = CHUNK_PIXELS * (1 if images.device.type == "cpu" else ACCELERATED)
        step = max(1, pixels // images.shape[2:].numel())
        for start in range(0, len(images), step):
            rows = slice(start, start + step)
            altered[rows] = self._alter(images[rows], parameters[rows])
        return altered

    def _alter(self, images: Tensor, parameters: Parameters) -> Tensor:
        if self.padding or self.flip or self.degrees:
            turn = parameters.turn if self.degrees else None
            images = geometry.move(images, parameters.shift, parameters.flipped, turn, self.padding)
        if self.jitter or self.hue:
            drawn = parameters.brightness, parameters.contrast, parameters.saturation, parameters.hue
            images = colour.jitter(images.float(), *drawn).round_()
        return geometry.cut_out(images, parameters.cut, self.cutout) if self.cutout else images


def preset(name: str, flip: bool = True) -> Augmentation:
    """Look an augmentation up by name.

    Args:
        name: One of `PRESET_NAMES`.
        flip: False leaves left and right as they are, whatever the preset says: a flipped digit is none.

    Raises:
        ValueError: If there is no such preset.

    Example:
        >>> preset("med_20", flip=False)
        Augmentation(padding=4, flip=False, degrees=20, jitter=0.0, hue=0.0, cutout=0.0)
        >>> preset("med20")
        Traceback (most recent call last):
        ValueError: dataset.augmentation=med20: did you mean 'med_20'? Choices: none, light, med_10, med_20, ...
    """
    if name not in PRESETS:
        raise ValueError(f"dataset.augmentation={name}: {choices_hint(name, list(PRESET_NAMES))}")
    augmentation = Augmentation(**vars(PRESETS[name]))
    return replace(augmentation, flip=augmentation.flip and flip)
