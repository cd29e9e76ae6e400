"""How far a training image may be altered, by the names users choose from. Plain Python: no torch in here."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Ranges:
    """What may happen to an image, and how far; by default nothing does."""

    padding: int = 0  # black pixels around the image, out of which a window of the old size is cropped
    flip: bool = False  # left and right change places, every other time
    degrees: float = 0.0  # rotation by an angle from [-degrees, degrees]
    jitter: float = 0.0  # brightness, contrast and saturation times a factor from [1 - jitter, 1 + jitter]
    hue: float = 0.0  # turns of the colour wheel, from [-hue, hue]
    cutout: float = 0.0  # side of a square that turns grey, somewhere, as a share of the image's shorter side


_LIGHT = Ranges(padding=4, flip=True)

# The presets of the layer-wise VGG nets (report of 2019) that lwtrain sets out to reproduce.
PRESETS = {
    "none": Ranges(),
    "light": _LIGHT,
    "med_10": replace(_LIGHT, degrees=10),
    "med_20": replace(_LIGHT, degrees=20),
    "med_30": replace(_LIGHT, degrees=30),
    "heavy_10": replace(_LIGHT, degrees=10, jitter=0.2, hue=0.1),
    "heavy_20": replace(_LIGHT, degrees=20, jitter=0.2, hue=0.1),
    "heavy_30": replace(_LIGHT, degrees=30, jitter=0.2, hue=0.1),
    "heavy_45": replace(_LIGHT, degrees=45, jitter=0.4, hue=0.1),
    # DeVries and Taylor 2017, arXiv:1708.04552: squares of 16 pixels on CIFAR-10's 32.
    "light_cutout": replace(_LIGHT, cutout=0.5),
    "heavy_20_cutout": replace(_LIGHT, degrees=20, jitter=0.2, hue=0.1, cutout=0.5),
}
PRESET_NAMES = tuple(PRESETS)
