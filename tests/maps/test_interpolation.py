import torch
import torch.nn.functional as F

from lwtrain.maps.interpolation import Interpolation


def test_output_channels_are_means_of_equal_shares_of_the_inputs() -> None:
    features = torch.rand(2, 6, 5, 5)
    expected = torch.stack([features[:, first : first + 2].mean(dim=1) for first in (0, 2, 4)], dim=1)
    torch.testing.assert_close(Interpolation((6, 5, 5), (3, 5, 5))(features), expected)


def test_where_channels_do_not_divide_the_shares_overlap() -> None:
    features = torch.rand(2, 64, 4, 4)
    shares = [slice(0, 22), slice(21, 43), slice(42, 64)]
    expected = torch.stack([features[:, share].mean(dim=1) for share in shares], dim=1)
    torch.testing.assert_close(Interpolation((64, 4, 4), (3, 4, 4))(features), expected)


def test_pixels_are_averaged_as_pooling_does() -> None:
    features = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(Interpolation((3, 9, 7), (3, 4, 3))(features), F.adaptive_avg_pool2d(features, (4, 3)))


def test_few_channels_are_repeated() -> None:
    features = torch.rand(2, 1, 4, 4)
    assert torch.equal(Interpolation((1, 4, 4), (3, 4, 4))(features), features.expand(2, 3, 4, 4))


def test_it_has_no_weights_and_says_what_it_does() -> None:
    map = Interpolation((64, 4, 4), (3, 4, 4))
    assert list(map.state_dict()) == []
    assert str(map) == "Interpolation((64, 4, 4) -> (3, 4, 4))"
