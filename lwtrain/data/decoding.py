"""One picture file: read in whatever form it is, and brought to the channels and the size of all."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.dataset_info import Fit
from lwtrain.errors import DataError
from lwtrain.printable import printable

if TYPE_CHECKING:
    from PIL.Image import Image

# All that lwtrain.data.picture_folder lists by suffix. What a file is called says nothing of what is in it, and of the
# other formats that Pillow knows some are read by programs of their own: PostScript by Ghostscript, which runs it.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
_SPARE = 2  # how much larger than needed a JPEG is decoded, at least; the rest is done with smoothing


def decode(path: Path, channels: int, size: int, fit: Fit) -> NDArray[np.uint8]:
    """Read a picture.

    It is turned upright as its EXIF data say. What is transparent becomes white; 16 bits become 8.

    Args:
        path: A file in one of `FORMATS`, whatever its suffix; of an animation the first picture counts.
        channels: 3 for red, green and blue, 1 for grey.
        size: Height and width to bring it to; bilinear, and smoothed first where it gets smaller.
        fit: "crop": as large as fills the square, with what juts out on two sides cut off; "pad": as a whole, with
            black on two sides; "scale": as a whole, stretched.

    Returns:
        (channels, size, size).

    Raises:
        DataError: If it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=_known_formats()) as picture:
            mode = "RGB" if channels == 3 else "L"
            picture.draft(mode, (_SPARE * size, _SPARE * size))
            upright = ImageOps.exif_transpose(picture)
            pixels = np.asarray(_fitted(_in_mode(upright, mode), size, fit))
    except Exception as error:  # a decoder may stumble in any way over bytes that are no picture
        raise unreadable(path, error) from error
    return pixels.reshape(size, size, channels).transpose(2, 0, 1)


def check_header(path: Path) -> None:
    """Make sure that a file begins as a picture does, without decoding it.

    Raises:
        DataError: If it does not.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=_known_formats()):
            pass
    except Exception as error:
        raise unreadable(path, error) from error


class UnreadablePictureError(DataError):
    """A picture that cannot be read.

    Attributes:
        flaw: Why.
    """

    def __init__(self, path: Path, flaw: object) -> None:
        self.flaw = printable(flaw)
        super().__init__(f"{printable(path)} cannot be read as a picture: {self.flaw}.\nMend it, or take it away")


def unreadable(path: Path, error: Exception) -> UnreadablePictureError:
    """Word the error for a picture that cannot be read."""
    from PIL import UnidentifiedImageError

    flaw = "it is in no format that is known" if isinstance(error, UnidentifiedImageError) else error
    if isinstance(error, OSError) and error.strerror:
        flaw = error.strerror  # the rest of it is the path again
    return UnreadablePictureError(path, flaw)


@cache
def _known_formats() -> tuple[str, ...]:
    """Give those of `FORMATS` that this Pillow opens: some have no AVIF, and MPO may be found as JPEG."""
    from PIL import Image

    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _in_mode(picture: "Image", mode: str) -> "Image":
    from PIL import Image

    if picture.mode.startswith(("I;16", "I")):
        values, clear = np.asarray(picture), picture.info.get("transparency")
        picture = Image.fromarray(np.where(values == clear, 255, values.clip(0, 2**16 - 1) >> 8).astype(np.uint8))
    if picture.mode == "LAB":
        picture = picture.convert("RGB")  # from which alone Pillow makes the others
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers, whose range is not known")
    if picture.has_transparency_data:
        solid = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid).convert("RGB")
    return picture.convert(mode)


def _fitted(picture: "Image", size: int, fit: Fit) -> "Image":
    from PIL import Image, ImageOps

    bilinear = Image.Resampling.BILINEAR
    if fit == "scale":
        return picture.resize((size, size), bilinear)
    if fit == "crop":
        return ImageOps.fit(picture, (size, size), bilinear)
    ratio = size / max(picture.size)
    width, height = (max(1, round(side * ratio)) for side in picture.size)
    frame = Image.new(picture.mode, (size, size))
    frame.paste(picture.resize((width, height), bilinear), ((size - width) // 2, (size - height) // 2))
    return frame
