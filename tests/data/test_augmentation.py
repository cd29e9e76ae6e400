import subprocess
import sys
from dataclasses import fields, replace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import lwtrain  # noqa: F401  (first: it lets torchvision be imported beside any build of torch)
from lwtrain.data import augmentation as augmentation_module
from lwtrain.data import colour, geometry
from lwtrain.data.augmentation import Augmentation, Parameters, preset
from lwtrain.data.presets import PRESET_NAMES

from torchvision.transforms.v2 import functional as torchvision  # isort: skip


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(num_images: int, channels: int = 3, height: int = 32, width: int = 32) -> Tensor:
    """Every colour there is, greys and near greys included."""
    images = torch.randint(0, 256, (num_images, channels, height, width), generator=generator())
    images[::2] = images[::2, :1] + images[::2] // 64
    return images.clamp(max=255).to(torch.uint8)


def difference(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours.int() - theirs.int()).abs()


# What the presets mean


@pytest.mark.parametrize(
    ("name", "degrees", "jitter", "hue"),
    [
        ("light", 0, 0, 0),
        ("med_10", 10, 0, 0),
        ("med_20", 20, 0, 0),
        ("med_30", 30, 0, 0),
        ("heavy_10", 10, 0.2, 0.1),
        ("heavy_20", 20, 0.2, 0.1),
        ("heavy_30", 30, 0.2, 0.1),
        ("heavy_45", 45, 0.4, 0.1),
    ],
)
def test_drawn_parameters_fill_the_ranges_of_their_preset(name: str, degrees: float, jitter: float, hue: float) -> None:
    drawn = preset(name).draw(20_000, generator())
    assert drawn.shift.unique().tolist() == list(range(-4, 5))
    assert drawn.flipped.float().mean().item() == pytest.approx(0.5, abs=0.02)
    angles = torch.rad2deg(torch.atan2(drawn.turn[:, 1], drawn.turn[:, 0]))
    for values, middle, reach in [
        (angles, 0, degrees),
        (drawn.brightness, 1, jitter),
        (drawn.contrast, 1, jitter),
        (drawn.saturation, 1, jitter),
        (drawn.hue, 0, hue),
    ]:
        assert values.min().item() == pytest.approx(middle - reach, abs=reach / 1000)
        assert values.max().item() == pytest.approx(middle + reach, abs=reach / 1000)
        assert values.mean().item() == pytest.approx(middle, abs=reach / 50)


def test_every_image_gets_its_own_draw() -> None:
    same = noise(1).expand(50, -1, -1, -1)
    augmentation = preset("heavy_30")
    altered = augmentation(same, augmentation.draw(50, generator()))
    assert len(altered.flatten(1).unique(dim=0)) == 50


def test_none_changes_nothing() -> None:
    images = noise(5)
    assert torch.equal(preset("none")(images, preset("none").draw(5, generator())), images)


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_digits_are_not_flipped(name: str) -> None:
    augmentation = preset(name, flip=False)
    assert augmentation == replace(preset(name), flip=False)
    assert not augmentation.draw(1000, generator()).flipped.any()


def test_unknown_preset_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"dataset\.augmentation=med20: did you mean 'med_20'.*heavy_45"):
        preset("med20")


def test_names_of_presets_are_known_without_torch() -> None:
    code = "import sys, lwtrain.data.presets as p; assert 'torch' not in sys.modules; print(*p.PRESET_NAMES)"
    names = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    heavy = ["heavy_10", "heavy_20", "heavy_30", "heavy_45"]
    assert names == ["none", "light", "med_10", "med_20", "med_30", *heavy, "light_cutout", "heavy_20_cutout"]


# Reproducible, and row by row


def test_a_generator_gives_its_parameters_again() -> None:
    augmentation = preset("heavy_20_cutout")
    first, again, other = (augmentation.draw(100, generator(seed)) for seed in (1, 1, 2))
    for field in fields(Parameters):
        assert torch.equal(getattr(first, field.name), getattr(again, field.name))
        assert not torch.equal(getattr(first, field.name), getattr(other, field.name))


@given(st.data())
def test_a_row_depends_on_its_image_and_parameters_alone(data: st.DataObject) -> None:
    augmentation = preset(data.draw(st.sampled_from(PRESET_NAMES)))
    num_images = data.draw(st.integers(1, 40))
    shape = data.draw(st.sampled_from([1, 3])), data.draw(st.integers(1, 19)), data.draw(st.integers(1, 19))
    rows = torch.tensor(data.draw(st.lists(st.integers(0, num_images - 1), max_size=9)), dtype=torch.int64)
    images = noise(num_images, *shape)
    parameters = augmentation.draw(num_images, generator(data.draw(st.integers(0, 99))))

    whole = augmentation(images, parameters)
    assert torch.equal(augmentation(images[rows], parameters[rows]), whole[rows])
    with patch.object(augmentation_module, "CHUNK_PIXELS", data.draw(st.integers(1, 2000))):
        assert torch.equal(augmentation(images, parameters), whole)


@pytest.mark.parametrize("num_threads", [1, 2])
def test_large_batches_equal_their_images_one_by_one(num_threads: int) -> None:
    augmentation, images = preset("heavy_45"), noise(150)
    parameters = augmentation.draw(150, generator())
    threads_before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        whole = augmentation(images, parameters)
        for row in range(150):
            only = slice(row, row + 1)
            assert torch.equal(augmentation(images[only], parameters[only]), whole[only])
    finally:
        torch.set_num_threads(threads_before)


def test_channels_last_images_come_out_the_same() -> None:
    augmentation, images = preset("heavy_45"), noise(20)
    parameters = augmentation.draw(20, generator())
    last = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(augmentation(last, parameters), augmentation(images, parameters))


# The same as torchvision, image by image


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (9, 14), (1, 1)])
@pytest.mark.parametrize("name", ["light", "med_10", "med_30", "heavy_45"])
def test_crop_rotation_and_flip_move_the_pixels_that_torchvision_moves(name: str, height: int, width: int) -> None:
    images = noise(100, height=height, width=width)
    augmentation = replace(preset(name), jitter=0, hue=0)
    parameters = augmentation.draw(100, generator())
    ours = augmentation(images, parameters)
    degrees = torch.rad2deg(torch.atan2(parameters.turn[:, 1], parameters.turn[:, 0]))
    theirs = []
    for image, shift, angle, flipped in zip(images, parameters.shift, degrees, parameters.flipped, strict=True):
        top, left = (4 + shift).tolist()
        image = torchvision.crop(torchvision.pad(image, [4]), top, left, height, width)
        image = torchvision.rotate(image, angle.item())  # nearest by default
        theirs.append(torchvision.horizontal_flip(image) if flipped else image)
    # Only a pixel halfway between two may fall to the other side.
    assert (ours != torch.stack(theirs)).float().mean().item() <= 1e-4


def test_rotation_is_exact_by_a_quarter_and_counter_clockwise() -> None:
    image = torch.tensor([[[[1, 2], [3, 4]]]], dtype=torch.uint8)
    quarter = torch.tensor([[0.0, 1.0]])
    stay = torch.zeros(1, 2, dtype=torch.int64)
    turned = geometry.move(image, stay, torch.tensor([False]), turn=quarter, padding=0)
    assert turned.tolist() == [[[[2, 4], [1, 3]]]]
    assert torch.equal(turned, torchvision.rotate(image, 90))


STEPS = ["brightness", "contrast", "saturation", "hue"]


@pytest.mark.parametrize("step", STEPS)
def test_colours_change_as_in_torchvision(step: str) -> None:
    images = noise(60)
    low, high = (-0.5, 0.5) if step == "hue" else (0.0, 2.0)
    amounts = torch.linspace(low, high, 60)
    ours = getattr(colour, f"adjust_{step}")(images.float(), amounts)
    adjust = getattr(torchvision, f"adjust_{step}")
    for row, amount in enumerate(amounts.tolist()):
        exact = adjust(images[row] / 255, amount) * 255
        # The mean grey, to which contrast leads, is that of whole numbers.
        assert (ours[row] - exact).abs().max().item() <= (0.05 if step == "contrast" else 0.001)
        assert difference(ours[row].round(), adjust(images[row], amount)).max().item() <= 2


@pytest.mark.parametrize(("channels", "steps"), [(3, STEPS), (1, STEPS[:2])])
def test_jitter_is_all_steps_in_order_and_two_of_them_for_grey_images(channels: int, steps: list[str]) -> None:
    images = noise(100, channels)
    augmentation = Augmentation(jitter=0.4, hue=0.1)
    parameters = augmentation.draw(100, generator())
    ours = augmentation(images, parameters)
    for row, image in enumerate(images / 255):
        for step in steps:
            image = getattr(torchvision, f"adjust_{step}")(image, getattr(parameters, step)[row].item())
        assert difference(ours[row], (image * 255).round()).max().item() <= 1


# Cutout


@pytest.mark.parametrize(("height", "width", "channels"), [(32, 32, 3), (9, 14, 1), (1, 1, 1)])
def test_squares_are_cut_out_where_torchvision_erases_them(height: int, width: int, channels: int) -> None:
    images = noise(100, channels, height, width)
    augmentation = Augmentation(cutout=0.5)
    parameters = augmentation.draw(100, generator())
    side = round(0.5 * min(height, width))
    theirs = []
    for image, (down, right) in zip(images, parameters.cut.tolist(), strict=True):
        top, left = int(down * height) - side // 2, int(right * width) - side // 2
        bottom, far = max(0, top + side), max(0, left + side)
        top, left = max(0, top), max(0, left)
        theirs.append(torchvision.erase(image, top, left, bottom - top, far - left, torch.tensor(geometry.GREY)))
    assert torch.equal(augmentation(images, parameters), torch.stack(theirs))


def test_a_cutout_changes_nothing_else_that_is_drawn() -> None:
    with_one, without = preset("heavy_20_cutout"), preset("heavy_20")
    assert replace(with_one, cutout=0.0) == without
    images = noise(200)
    drawn, before = with_one.draw(200, generator()), without.draw(200, generator())
    cut, whole = with_one(images, drawn), without(images, before)
    changed = (cut != whole).any(dim=1)
    assert (cut.movedim(1, -1)[changed] == geometry.GREY).all()
    assert 0.1 < changed.float().mean().item() < 0.25  # a quarter of the image, less what lies beside it


def test_colours_of_two_channels_are_refused() -> None:
    augmentation = preset("heavy_10")
    with pytest.raises(ValueError, match="1 or 3 channels, not 2"):
        augmentation(noise(4, channels=2), augmentation.draw(4, generator()))


def test_float_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes torch\.uint8"):
        preset("light")(noise(4).float(), preset("light").draw(4, generator()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_on_a_gpu_stay_there_and_look_the_same() -> None:
    augmentation, images = preset("heavy_45"), noise(300)
    parameters = augmentation.draw(300, generator())
    altered = augmentation(images.cuda(), parameters)
    assert altered.is_cuda
    assert (difference(altered.cpu(), augmentation(images, parameters)) > 1).float().mean().item() <= 1e-4
