"""What holds for every map that can be had by name."""

import pytest
import torch

from lwtrain.backbones.backbone import Shape
from lwtrain.maps import MAPS

SHAPES: dict[str, tuple[Shape, Shape]] = {
    "average": ((6, 8, 8), (6, 4, 4)),
    "conv": ((6, 8, 8), (3, 4, 4)),
    "decoder": ((6, 8, 8), (3, 8, 8)),
    "interpolation": ((6, 8, 8), (3, 8, 8)),
    "none": ((6, 8, 8), (6, 8, 8)),
    "pool": ((6, 8, 8), (6, 4, 4)),
    "random": ((6, 8, 8), (3, 8, 8)),
}  # what each can carry to what


def test_every_map_is_tested() -> None:
    assert list(SHAPES) == list(MAPS)


@pytest.mark.parametrize("name", SHAPES)
def test_a_map_gives_the_shape_that_it_was_built_for(name: str) -> None:
    inputs, outputs = SHAPES[name]
    assert MAPS[name](inputs, outputs)(torch.rand(2, *inputs)).shape == (2, *outputs)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_maps_keep_memory_and_number_format(name: str, dtype: torch.dtype) -> None:
    inputs, outputs = SHAPES[name]
    map = MAPS[name](inputs, outputs).to(dtype, memory_format=torch.channels_last)
    carried = map(torch.rand(2, *inputs, dtype=dtype).to(memory_format=torch.channels_last))
    assert carried.is_contiguous(memory_format=torch.channels_last)
    assert carried.dtype == dtype


@pytest.mark.parametrize("name", SHAPES)
def test_the_result_does_not_depend_on_the_memory_format(name: str) -> None:
    inputs, outputs = SHAPES[name]
    map, images = MAPS[name](inputs, outputs), torch.rand(2, *inputs)
    torch.testing.assert_close(map(images), map(images.to(memory_format=torch.channels_last)))


@pytest.mark.parametrize("name", SHAPES)
def test_maps_let_gradients_through(name: str) -> None:
    inputs, outputs = SHAPES[name]
    images = torch.rand(2, *inputs, requires_grad=True)
    MAPS[name](inputs, outputs)(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "message"),
    [
        ("pool", (6, 8, 8), (6, 8, 8), r"map=pool: makes \(6, 4, 4\) of \(6, 8, 8\), not \(6, 8, 8\)"),
        ("average", (6, 8, 8), (3, 4, 4), r"map=average: makes \(6, 4, 4\) of \(6, 8, 8\), not \(3, 4, 4\)"),
        ("none", (6, 8, 8), (3, 8, 8), r"map=none: cannot make \(3, 8, 8\) of \(6, 8, 8\)"),
        ("decoder", (6, 8, 8), (3, 4, 4), r"map=decoder: cannot make \(3, 4, 4\) of \(6, 8, 8\), whose size differs"),
        ("conv", (6, 8, 8), (3, 2, 2), r"map=conv: cannot make \(3, 2, 2\) of \(6, 8, 8\), only as large or half as"),
        ("conv", (6, 4, 4), (3, 8, 8), r"map=conv: cannot make"),
        ("conv", (6, 1, 1), (6, 0, 0), r"map=conv: cannot make"),
    ],
)
def test_a_shape_that_a_map_cannot_reach_is_refused(name: str, inputs: Shape, outputs: Shape, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        MAPS[name](inputs, outputs)


def test_unknown_map_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"^map=pol: did you mean 'pool'\? Choices: average, conv, decoder"):
        MAPS["pol"]
