import torch
import torch.nn.functional as F
from tiny import differing, tensors
from torch import nn

from lwtrain.activations import LeakyReLU, ReLU
from lwtrain.pictures.rectifiers import GuidedReLU, LeakyGradientReLU, with_rectifiers
from lwtrain.sidecars.channel_dropout import DroppingLeakyReLU


def network() -> nn.Sequential:
    torch.manual_seed(0)
    shared = nn.ReLU()
    pieces = [nn.Linear(5, 8), shared, nn.Linear(8, 8), ReLU(), nn.Linear(8, 8), shared, nn.Linear(8, 4), LeakyReLU()]
    return nn.Sequential(*pieces).eval()


def test_the_forward_pass_stays_the_same() -> None:
    inputs = torch.randn(20, 5)
    expected = network()(inputs)
    for make in (GuidedReLU, LeakyGradientReLU):
        assert torch.allclose(with_rectifiers(network(), make)(inputs), expected, atol=1e-6)


def test_every_place_of_every_rectifier_is_taken_in_a_copy() -> None:
    original = nn.ModuleDict({"inner": network(), "dropping": DroppingLeakyReLU(0.5), "tanh": nn.Tanh()})
    before = tensors(original)
    copied = with_rectifiers(original, GuidedReLU)
    slopes = [piece.slope for piece in copied.modules() if isinstance(piece, GuidedReLU)]
    assert sorted(slopes) == [0.0, 0.0, 0.0, 0.01, 0.01]
    assert isinstance(copied["tanh"], nn.Tanh)
    assert not any(isinstance(piece, GuidedReLU) for piece in original.modules())
    assert differing(before, tensors(original)) == []


def test_guided_gradients_are_those_of_springenberg() -> None:
    """R_l = (f_l > 0) (R_l+1 > 0) R_l+1, layer by layer, by hand."""
    torch.manual_seed(1)
    first, second = nn.Linear(5, 8), nn.Linear(8, 3)
    inputs = torch.randn(6, 5, requires_grad=True)
    guided = nn.Sequential(first, GuidedReLU(0.0), second)
    guided(inputs)[:, 1].sum().backward()
    with torch.no_grad():
        back = second.weight[1].expand(6, -1)
        by_hand = (back.clamp_min(0) * (first(inputs) > 0)) @ first.weight
    assert inputs.grad is not None
    assert torch.allclose(inputs.grad, by_hand, atol=1e-6)


def test_what_goes_round_a_guided_rectifier_keeps_its_gradient() -> None:
    inputs = torch.tensor([1.0, -1.0], requires_grad=True)
    carried = inputs * 1
    (carried * -3 + GuidedReLU(0.0)(carried) * -1).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.tolist() == [-3.0, -3.0]


def test_a_silent_unit_gets_a_small_gradient() -> None:
    inputs = torch.tensor([-2.0, 2.0], requires_grad=True)
    rectified = LeakyGradientReLU(0.01)(inputs)
    rectified.sum().backward()
    assert torch.allclose(rectified, F.leaky_relu(torch.tensor([-2.0, 2.0]), 0.01))
    assert inputs.grad is not None
    assert torch.allclose(inputs.grad, torch.tensor([0.1, 1.0]))
