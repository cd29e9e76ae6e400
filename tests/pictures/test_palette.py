import torch

from lwtrain.pictures.palette import Palette


def colours(spread: float) -> torch.Tensor:
    """Images whose channels rise and fall together, but for a little."""
    generator = torch.Generator().manual_seed(0)
    brightness = torch.rand(20, 1, 8, 8, generator=generator)
    return (brightness + spread * torch.randn(20, 3, 8, 8, generator=generator)).clamp(0, 1)


def test_principal_colours_are_those_of_the_pixels() -> None:
    lengths = Palette.of(colours(0.01)).directions.norm(dim=0).sort(descending=True).values
    assert lengths[0] > 10 * lengths[1]


def test_no_number_leads_further_than_pixels_reach() -> None:
    palette = Palette.of(colours(0.01))
    extreme = palette.pixels(1e6 * torch.randn(10, 3, 8, 8))
    assert (extreme.amax(dim=1) - extreme.amin(dim=1)).max() < 0.4
    assert extreme.std() > 0.3


def test_zero_is_the_mean_colour_and_any_shape_of_data_has_one() -> None:
    images = torch.full((4, 1, 5, 5), 0.25)
    assert torch.allclose(Palette.of(images).pixels(torch.randn(2, 1, 3, 3)), torch.tensor(0.25), atol=1e-4)
    assert Palette.free(3).pixels(torch.zeros(1, 3, 2, 2)).unique().tolist() == [0.5]
