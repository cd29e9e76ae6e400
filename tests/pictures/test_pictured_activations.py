import pytest
import torch
from tiny import tiny_images, tiny_stack

from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.pictures.activations import Rebuilt, pictured, rebuild, side_by_side


def test_images_are_shown_as_they_are() -> None:
    images = torch.rand(4, 3, 8, 8)
    shown = pictured(Rebuilt(images, images / 2), images=True)
    assert torch.equal(shown.originals, images)
    assert torch.equal(shown.reconstructions, images / 2)
    assert shown.means == ""


def test_three_principal_components_keep_all_there_is_of_three_directions() -> None:
    torch.manual_seed(0)
    mixed = torch.einsum("bchw,cd->bdhw", torch.randn(6, 3, 5, 5), torch.randn(3, 20)) + 4
    shown = pictured(Rebuilt(mixed, mixed.clone()), images=False)
    assert shown.means == "3 principal components of 20 channels, 100% of their variance"
    assert shown.originals.shape == (6, 3, 5, 5)
    assert torch.equal(shown.originals, shown.reconstructions)
    assert shown.originals.amin(dim=(0, 2, 3)).tolist() == [0.0] * 3
    assert shown.originals.amax(dim=(0, 2, 3)).tolist() == pytest.approx([1.0] * 3)


def test_colours_do_not_turn_over_where_activations_do() -> None:
    torch.manual_seed(0)
    activations = torch.randn(4, 10, 5, 5)
    once, again = (pictured(Rebuilt(each, each), images=False) for each in (activations, activations * 1.0001))
    assert torch.allclose(once.originals, again.originals, atol=1e-3)


@pytest.mark.parametrize(("shape", "seen"), [((5, 2, 6, 6), (5, 1, 6, 6)), ((5, 10, 1, 1), (5, 1, 3, 4))])
def test_two_channels_and_dense_layers_are_shown_in_grey(shape: tuple[int, ...], seen: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    assert pictured(Rebuilt(torch.randn(shape), torch.randn(shape)), images=False).originals.shape == seen


def test_a_single_pixel_of_a_single_image_can_be_shown() -> None:
    shown = pictured(Rebuilt(torch.randn(1, 5, 1, 2), torch.randn(1, 5, 1, 2)), images=False)
    assert shown.originals.isfinite().all()


def test_explained_is_one_for_a_copy_and_zero_for_the_mean() -> None:
    torch.manual_seed(0)
    images = torch.randn(20, 3, 4, 4)
    assert Rebuilt(images, images).explained(images) == 1
    mean = images.mean(dim=0, keepdim=True).expand_as(images)
    assert Rebuilt(images, mean).explained(images) == pytest.approx(0, abs=1e-5)


def test_one_image_is_measured_and_coloured_as_among_many() -> None:
    torch.manual_seed(0)
    many = torch.randn(500, 6, 4, 4) * torch.tensor([9.0, 3.0, 2.0, 1.0, 1.0, 1.0])[:, None, None]
    shares = [Rebuilt(each[None], each[None] + 0.1).explained(many) for each in many[:3]]
    assert shares == pytest.approx([shares[0]] * 3)
    assert 0.99 < shares[0] < 1
    alone, among = (pictured(Rebuilt(some, some), images=False, usual=many) for some in (many[:1], many[:40]))
    assert alone.means == among.means
    correlation = torch.stack([alone.originals[0].flatten(1), among.originals[0].flatten(1)])
    assert all(torch.corrcoef(channel)[0, 1] > 0.999 for channel in correlation.movedim(1, 0))


def test_a_layer_rebuilds_its_own_input() -> None:
    stack, images = tiny_stack().eval(), as_inputs(tiny_images(4).images)
    with torch.no_grad():
        inputs = stack.climb(images, 1)
    part = stack.part(1)
    assert isinstance(part, HorizontalLayer)
    found = rebuild(part, inputs, images)
    assert found is not None
    assert torch.equal(found.inputs, inputs)
    assert found.reconstruction.shape == inputs.shape
    without = tiny_stack(encoder="pool", objective="prediction").eval().part(1)
    assert isinstance(without, HorizontalLayer)
    assert rebuild(without, inputs, images) is None


def test_originals_stand_above_reconstructions_and_small_ones_are_enlarged() -> None:
    shown = pictured(Rebuilt(torch.zeros(3, 1, 8, 8), torch.ones(3, 1, 8, 8)), images=True)
    picture = side_by_side(shown)
    assert picture.shape == (3, 2 * 32 + 3 * 2, 3 * 32 + 4 * 2)
    assert (picture[0, 10, 10], picture[0, 50, 10]) == (0.0, 1.0)
