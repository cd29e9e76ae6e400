import torch
from torch import Tensor

from lwtrain.data.augmentation import preset
from lwtrain.data.view import View, as_inputs
from lwtrain.seeds import generator_for

IMAGES = torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
ROWS = torch.tensor([7, 7, 0, 3, 7, 9])


def augmented() -> View:
    augmentation = preset("heavy_10")
    return View(IMAGES, ROWS, augmentation, augmentation.draw(len(ROWS), generator_for(0)))


def test_a_row_is_the_image_of_its_number() -> None:
    view = View(IMAGES, ROWS)
    assert len(view) == 6
    assert torch.equal(view[torch.tensor([3, 0])], IMAGES[[3, 7]])
    assert torch.equal(view[2:5], IMAGES[[0, 3, 7]])


def test_a_row_looks_the_same_whatever_it_is_asked_for_with() -> None:
    view = augmented()
    whole = view[torch.arange(6)]
    for place in range(6):
        assert torch.equal(view[torch.tensor([place])][0], whole[place])
        assert torch.equal(view[torch.tensor([5, place, 1])][1], whole[place])
    assert torch.equal(view[1:4], whole[1:4])


def test_repetitions_of_an_image_are_augmented_each_in_its_own_way() -> None:
    first, second, third = augmented()[torch.tensor([0, 1, 4])]  # all of them show image 7
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_bytes_become_floats_between_0_and_1() -> None:
    inputs = as_inputs(torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 3, 1, 1))
    assert inputs.dtype == torch.float32
    assert torch.equal(inputs.flatten(), torch.tensor([0.0, 0.2, 1.0]))


def test_floats_pass_as_they_are() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        activations = torch.randn(2, 4, 3, 3).to(dtype)
        assert torch.equal(as_inputs(activations), activations)
        assert as_inputs(activations).dtype == dtype


def test_inputs_lie_channels_last() -> None:
    def lies_channels_last(inputs: Tensor) -> bool:
        return inputs.is_contiguous(memory_format=torch.channels_last)

    assert lies_channels_last(as_inputs(IMAGES))
    assert lies_channels_last(as_inputs(IMAGES.float()))
