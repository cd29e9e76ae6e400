from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from lwtrain.data.decoding import FORMATS, check_header, decode
from lwtrain.data.picture_folder import SUFFIXES
from lwtrain.errors import DataError


def gradient(width: int, height: int) -> NDArray[np.uint8]:
    """Darker above and on the left: red from left to right, green from above to below, blue 100."""
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, np.full_like(x, 100.0, float)], axis=2).astype(np.uint8)


def pixels(path: Path, picture: Image.Image, channels: int = 3, size: int = 8, **options: object) -> NDArray[np.uint8]:
    picture.save(path, **options)
    return decode(path, channels, size, "scale")


def near(one: NDArray[np.uint8], other: NDArray[np.uint8], most: int) -> bool:
    return int(np.abs(one.astype(int) - other.astype(int)).max()) <= most


def test_a_picture_of_the_right_size_comes_as_it_is(tmp_path: Path) -> None:
    drawn = gradient(8, 8)
    for name in ("a.png", "a.bmp", "a.tiff", "a.ppm"):
        assert np.array_equal(pixels(tmp_path / name, Image.fromarray(drawn)), drawn.transpose(2, 0, 1))
    assert near(pixels(tmp_path / "a.webp", Image.fromarray(drawn), lossless=True), drawn.transpose(2, 0, 1), 0)


def test_grey_pictures_get_three_channels_and_coloured_ones_one(tmp_path: Path) -> None:
    grey = Image.fromarray(gradient(8, 8)).convert("L")
    assert np.array_equal(pixels(tmp_path / "a.png", grey), np.stack([np.asarray(grey)] * 3))
    assert np.array_equal(pixels(tmp_path / "b.png", Image.fromarray(gradient(8, 8)), channels=1)[0], np.asarray(grey))


def test_black_and_white_and_sixteen_bits_become_eight(tmp_path: Path) -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2).astype(bool)
    assert np.array_equal(pixels(tmp_path / "a.png", Image.fromarray(board), channels=1)[0], np.where(board, 255, 0))
    fine = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000 + 17
    assert np.array_equal(pixels(tmp_path / "b.png", Image.fromarray(fine), channels=1)[0], fine >> 8)
    assert np.array_equal(pixels(tmp_path / "c.tiff", Image.fromarray(fine.astype(np.int32)), 1)[0], fine >> 8)


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    drawn = np.concatenate([gradient(8, 8), np.full((8, 8, 1), 255, np.uint8)], axis=2)
    drawn[:4, :, 3] = 0
    seen = pixels(tmp_path / "a.png", Image.fromarray(drawn))
    assert (seen[:, :4] == 255).all()
    assert np.array_equal(seen[:, 4:], drawn[4:, :, :3].transpose(2, 0, 1))


def test_palettes_have_colours_and_may_be_transparent(tmp_path: Path) -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.paste(0, (0, 0, 8, 4))
    assert pixels(tmp_path / "a.png", palette)[:, [0, 7], 0].T.tolist() == [[10, 20, 30], [40, 50, 60]]
    assert pixels(tmp_path / "b.png", palette, transparency=0)[:, [0, 7], 0].T.tolist() == [[255] * 3, [40, 50, 60]]


def test_of_sixteen_bits_the_value_that_stands_for_nothing_becomes_white(tmp_path: Path) -> None:
    fine = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    seen = pixels(tmp_path / "a.png", Image.fromarray(fine), channels=1, transparency=9000)[0]
    assert np.array_equal(seen, np.where(fine == 9000, 255, fine >> 8))


@pytest.mark.parametrize("channels", [1, 3])
def test_lightness_and_two_colours_become_those_of_screens(channels: int, tmp_path: Path) -> None:
    middle_grey = Image.new("LAB", (8, 8), (137, 128, 128))  # L = 54 of 100 is 128 of 255 in sRGB
    assert near(pixels(tmp_path / "a.tiff", middle_grey, channels), np.full((channels, 8, 8), 128, np.uint8), 3)


def test_the_colours_of_print_become_those_of_screens(tmp_path: Path) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(pixels(tmp_path / "a.jpg", red)[:, 4, 4], np.array([255, 0, 0], np.uint8), 6)


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side: the right of the picture is its top
    lying = Image.fromarray(np.rot90(gradient(8, 16)).copy())
    seen = pixels(tmp_path / "a.png", lying, exif=exif)
    assert np.array_equal(seen, decode_upright(tmp_path, gradient(8, 16)))


def decode_upright(folder: Path, drawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels(folder / "upright.png", Image.fromarray(drawn))


def test_crop_cuts_off_what_juts_out_and_pad_shows_all(tmp_path: Path) -> None:
    Image.fromarray(gradient(32, 8)).save(tmp_path / "wide.png")
    crop, pad, scale = (decode(tmp_path / "wide.png", 3, 8, fit) for fit in ("crop", "pad", "scale"))
    assert np.array_equal(crop, gradient(32, 8)[:, 12:20].transpose(2, 0, 1))
    assert not pad[:, [0, 1, 2, 5, 6, 7]].any()
    assert pad[2, 3:5].tolist() == [[100] * 8] * 2
    assert (scale[2] == 100).all()
    assert near(scale[1], gradient(8, 8)[:, :, 1], 0)
    assert crop[0].min() > 90 > scale[0].min()


@pytest.mark.parametrize("fit", ["crop", "pad", "scale"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (300, 2), (7, 5)])
def test_any_shape_comes_to_size(tmp_path: Path, size: tuple[int, int], fit: str) -> None:
    Image.new("RGB", size, (200, 100, 50)).save(tmp_path / "a.png")
    seen = decode(tmp_path / "a.png", 3, 9, fit)
    assert (seen.shape, seen.dtype) == ((3, 9, 9), np.uint8)
    assert seen[:, 4, 4].tolist() == [200, 100, 50]


def test_what_gets_smaller_is_smoothed(tmp_path: Path) -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert near(pixels(tmp_path / "a.png", Image.fromarray(board), channels=1), np.full((1, 8, 8), 127, np.uint8), 2)


def test_a_large_photograph_looks_the_same_from_a_jpeg_that_is_decoded_small(tmp_path: Path) -> None:
    photograph = Image.fromarray(gradient(900, 700))
    whole = pixels(tmp_path / "a.png", photograph, size=40)
    assert near(pixels(tmp_path / "a.jpg", photograph, size=40, quality=95), whole, 4)


def test_a_large_jpeg_is_decoded_small_but_twice_as_large_as_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[int, int]] = []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda self: sizes.append(self.size) or load(self))
    pixels(tmp_path / "a.jpg", Image.fromarray(gradient(900, 700)), size=40)
    assert set(sizes) == {(113, 88)}  # an eighth; 40 are needed
    sizes.clear()
    pixels(tmp_path / "a.jpg", Image.fromarray(gradient(900, 700)), size=50)
    assert set(sizes) == {(225, 175)}


def test_an_animation_shows_its_first_picture(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    assert pixels(tmp_path / "a.gif", first, save_all=True, append_images=[second])[:, 0, 0].tolist() == [255, 0, 0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    photograph = Image.fromarray(gradient(90, 70))
    photograph.save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    for name, damage in (("empty.png", b""), ("text.jpg", b"no picture"), ("cut.png", content[: len(content) // 2])):
        (tmp_path / name).write_bytes(damage)
        with pytest.raises(DataError) as error:
            decode(tmp_path / name, 3, 8, "crop")
        said = str(error.value)
        assert said.startswith(f"{tmp_path / name} cannot be read as a picture: ")
        assert said.endswith(".\nMend it, or take it away")
    check_header(tmp_path / "cut.png")
    for name in ("empty.png", "text.jpg", "missing.png"):
        with pytest.raises(DataError, match=name):
            check_header(tmp_path / name)


@pytest.mark.parametrize("form", ["eps", "ico", "tga", "pcx"])
def test_a_format_that_is_not_listed_is_not_opened_whatever_its_suffix(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []  # EPS would be drawn by Ghostscript
    monkeypatch.setattr("subprocess.check_call", lambda *words, **options: started.append(words))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs")
    path = tmp_path / "picture.jpg"
    Image.fromarray(gradient(16, 16)).save(path, format=form)
    for read in (check_header, lambda path: decode(path, 3, 8, "crop")):
        with pytest.raises(DataError, match=r"picture\.jpg cannot be read as a picture: it is in no format that"):
            read(path)
    assert not started


def test_every_listed_format_is_opened_whatever_its_suffix(tmp_path: Path) -> None:
    drawn = Image.fromarray(gradient(8, 8))
    for form in set(FORMATS) & set(Image.SAVE):
        drawn.save(tmp_path / "picture.txt", format=form)
        check_header(tmp_path / "picture.txt")
        assert decode(tmp_path / "picture.txt", 3, 8, "crop").shape == (3, 8, 8)


def test_every_suffix_is_that_of_a_format_that_is_opened() -> None:
    Image.init()
    assert {Image.EXTENSION[suffix] for suffix in SUFFIXES} <= set(FORMATS)


def test_numbers_of_which_nobody_knows_the_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="floating-point numbers, whose range is not known"):
        pixels(tmp_path / "a.tiff", Image.fromarray(np.zeros((8, 8), np.float32)))
