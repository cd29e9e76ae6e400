import math

import pytest
import torch

from lwtrain.objectives.alpha import FixedAlpha, LearnedAlpha, build_alpha


def test_fixed_alpha_has_no_regulariser_and_nothing_to_learn_or_store() -> None:
    alpha = FixedAlpha(0.3)
    assert [scalar.item() for scalar in alpha()] == [pytest.approx(0.3), 0.0]
    assert not list(alpha.parameters())
    assert not alpha.state_dict()


def test_learned_alpha_starts_in_the_middle_at_the_minimum_of_its_regulariser() -> None:
    alpha = LearnedAlpha()
    value, regulariser = alpha()
    regulariser.backward()
    assert value.item() == 0.5
    assert regulariser.item() == pytest.approx(2 * math.log(2))
    assert alpha.x.grad.item() == 0.0


def test_regulariser_is_the_published_formula() -> None:
    alpha = LearnedAlpha()
    with torch.no_grad():
        alpha.x.fill_(2.0)
    value, regulariser = alpha()
    assert value.item() == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert regulariser.item() == pytest.approx(-(math.log(value.item()) + math.log(1 - value.item())))


@pytest.mark.parametrize("x", [-200.0, 200.0])
def test_regulariser_stays_finite_at_the_ends(x: float) -> None:
    alpha = LearnedAlpha()
    with torch.no_grad():
        alpha.x.fill_(x)
    assert alpha().regulariser.item() == pytest.approx(200.0)


def test_alpha_may_be_one() -> None:
    assert build_alpha(1)().value.item() == 1.0


@pytest.mark.parametrize("setting", [0, 1.5, -0.1, "learnt", float("nan")])
def test_alpha_out_of_range_is_refused(setting: float | str) -> None:
    message = rf"^objective\.alpha={setting}: choose a number above 0 and at most 1, or learned$"
    with pytest.raises(ValueError, match=message):
        build_alpha(setting)
