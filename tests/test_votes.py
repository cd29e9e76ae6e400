"""How votes are counted, by hand and in whole runs."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import differing, fit, tensors, tiny_data, tiny_images, tiny_stack, tiny_trainer
from torch import Tensor

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    SimultaneousSchedule,
    VoteRule,
    WaveSchedule,
)
from lwtrain.stack import LayerStack
from lwtrain.votes import BY_VALIDATION, WEIGHTS, count_votes, likeliest_mixture, log_odds, mirrored

IMAGES = tiny_images(12, seed=1).images
ACCURACIES = torch.tensor([0.2, 0.5, 0.75, 0.1])
MIXTURE = torch.tensor([0.0, 0.25, 0.75, 0.0])


def weights(rule: str, layers: list[int], num_classes: int = 3) -> list[float]:
    return VoteRule(rule).weigh(layers, accuracies=ACCURACIES, mixture=MIXTURE, num_classes=num_classes).tolist()


# Formulas


def test_equal_votes_share_alike() -> None:
    assert weights("equal", [0, 1, 2, 3]) == [0.25] * 4


def test_a_vote_is_worth_twice_that_of_the_layer_below() -> None:
    assert weights("doubling", [0, 1, 2]) == pytest.approx([1 / 7, 2 / 7, 4 / 7])


def test_layers_without_a_vote_leave_the_others_in_proportion() -> None:
    assert weights("doubling", [0, 3]) == pytest.approx([1 / 9, 8 / 9])


def test_deep_networks_have_finite_weights() -> None:
    unheard = torch.zeros(3000)
    found = VoteRule("doubling").weigh(range(3000), accuracies=unheard, mixture=unheard, num_classes=3)
    assert found[-3:].tolist() == pytest.approx([0.125, 0.25, 0.5])
    assert found.sum().item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("accuracy", "num_classes", "expected"),
    [
        (0.75, 2, math.log(3)),
        (0.5, 10, math.log(9)),
        (0.9, 10, math.log(9) + math.log(9)),
        (0.5, 2, 0),
        (0.1, 10, 0),
        (0.05, 10, 0),
        (0.0, 10, 0),
        (1.0, 2, math.log(9999)),
    ],
)
def test_log_odds_are_those_of_adaboost_and_never_below_0(accuracy: float, num_classes: int, expected: float) -> None:
    assert log_odds(accuracy, num_classes) == pytest.approx(expected, abs=1e-7)


def test_accurate_layers_weigh_more_and_those_below_chance_nothing() -> None:
    second, third = math.log(2), math.log(6)  # 1/1 and 3/1, times 2 other classes
    assert weights("accuracy", [0, 1, 2]) == pytest.approx([0, second / (second + third), third / (second + third)])


def test_layers_of_which_none_is_better_than_chance_weigh_the_same() -> None:
    assert weights("accuracy", [0, 3]) == [0.5, 0.5]


def test_layers_weigh_what_they_do_in_the_likeliest_mixture_among_those_that_vote() -> None:
    assert weights("likelihood", [0, 1, 2, 3]) == [0, 0.25, 0.75, 0]
    assert weights("likelihood", [0, 1]) == [0, 1]
    assert weights("likelihood", [0, 3]) == [0.5, 0.5]  # nothing speaks for either


def test_two_layers_that_are_right_about_different_images_share_by_how_many() -> None:
    """d/dw of 3 log(0.1 + 0.8 w) + log(0.9 - 0.8 w) is 0 at 2.6 / 3.2."""
    truths = torch.tensor([[0.9, 0.9, 0.9, 0.1], [0.1, 0.1, 0.1, 0.9]])
    assert likeliest_mixture(truths).tolist() == pytest.approx([0.8125, 0.1875])


def test_a_layer_that_never_gives_more_than_another_has_no_say() -> None:
    truths = torch.tensor([[0.5, 0.0, 0.2], [0.6, 0.9, 0.9]])
    assert likeliest_mixture(truths).tolist() == pytest.approx([0, 1], abs=1e-6)
    assert likeliest_mixture(torch.zeros(2, 3)).tolist() == pytest.approx([0.5, 0.5])


@given(st.integers(1, 12), st.integers(1, 50), st.integers(0, 2**16))
def test_no_mixture_is_much_likelier(layers: int, images: int, seed: int) -> None:
    """The bound is that of expectation maximization; see `lwtrain.votes`."""
    truths = torch.rand(layers, images, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def likelihood(mixtures: Tensor) -> Tensor:
        return (mixtures @ truths).log().mean(dim=-1)

    found = likeliest_mixture(truths)
    assert found.min() >= 0
    assert found.sum().item() == pytest.approx(1)
    others = torch.distributions.Dirichlet(torch.full((layers,), 0.3, dtype=torch.float64)).sample((500,))
    best = torch.cat([others, torch.eye(layers, dtype=torch.float64)])
    assert likelihood(found) >= likelihood(best).max() - math.log(layers) / 200 - 1e-9


@given(
    st.sampled_from(WEIGHTS),
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.integers(2, 1000),
    st.data(),
)
def test_weights_are_shares_of_1(rule: str, accuracies: list[float], num_classes: int, data: st.DataObject) -> None:
    layers = data.draw(st.lists(st.sampled_from(range(len(accuracies))), min_size=1, unique=True))
    heard = torch.tensor(accuracies)  # which are as good a mixture as any, but for their sum
    found = VoteRule(rule).weigh(sorted(layers), accuracies=heard, mixture=heard, num_classes=num_classes)
    assert found.shape == (len(layers),)
    assert found.min() >= 0
    assert found.sum().item() == pytest.approx(1, abs=1e-5)


def test_votes_are_a_weighted_mean() -> None:
    probabilities = torch.tensor([[[0.5, 0.5], [1.0, 0.0]], [[0.1, 0.9], [0.2, 0.8]]])
    votes = count_votes(probabilities, torch.tensor([0.25, 0.75]))
    torch.testing.assert_close(votes, torch.tensor([[0.2, 0.8], [0.4, 0.6]]))


def test_rules_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^vote\.weights=acuracy: did you mean 'accuracy'\? Choices: equal, doubling"):
        VoteRule("acuracy")


def test_left_and_right_change_places() -> None:
    assert torch.equal(mirrored(torch.arange(6).reshape(1, 1, 2, 3)), torch.tensor([[[[2, 1, 0], [5, 4, 3]]]]))
    with pytest.raises(ValueError, match=r"^vote\.flips=true: vectors have no left and right; choose false$"):
        mirrored(torch.zeros(2, 7))


# Runs


def run(rule: VoteRule, schedule: Callable[[], LayerSchedule] = lambda: SequentialSchedule(2)) -> LayerStack:
    return fit(schedule(), tiny_stack(vote_rule=rule)).eval()


@pytest.fixture(scope="module")
def plain() -> LayerStack:
    return run(VoteRule())


def validation_images() -> tuple[Tensor, Tensor]:
    data = tiny_data()
    return data.train.images[data.held_out], data.train.labels[data.held_out]


def shares_right(stack: LayerStack, shares: Tensor, labels: Tensor) -> list[float]:
    return (shares.argmax(dim=2) == labels).float().mean(dim=1).tolist()


def mixture_of(stack: LayerStack) -> Tensor:
    images, labels = validation_images()
    of_labels = labels.expand(len(stack.layers), 1, -1).transpose(1, 2)
    return likeliest_mixture(stack.layer_probabilities(images).gather(2, of_labels).squeeze(2)).float()


@pytest.mark.parametrize("rule", ["doubling", "accuracy", "likelihood"])
def test_a_rule_changes_the_vote_and_no_layer(rule: str, plain: LayerStack) -> None:
    stack = run(VoteRule(rule))
    assert differing(tensors(stack.layers), tensors(plain.layers)) == []
    shares = stack.layer_probabilities(IMAGES)
    if rule == "doubling":
        expected = torch.tensor([1.0, 2.0, 4.0]) / 7
    elif rule == "likelihood":
        expected = mixture_of(stack)
    else:
        odds = torch.tensor([log_odds(stack.figures[f"{name}/val/accuracy"], 3) for name in stack.names])
        assert len(odds.unique()) > 1, "layers that are all alike would show nothing"
        expected = odds / odds.sum()
    torch.testing.assert_close(stack.vote(IMAGES), (expected[:, None, None] * shares).sum(dim=0))
    assert not torch.allclose(stack.vote(IMAGES), plain.vote(IMAGES), atol=1e-4)


@pytest.mark.parametrize("rule", WEIGHTS)
def test_validation_and_test_count_by_the_rule(rule: str) -> None:
    stack = run(VoteRule(rule))
    images, labels = validation_images()
    right = (stack.vote(images).argmax(dim=1) == labels).float().mean().item()
    assert stack.figures["vote/val/accuracy"] == pytest.approx(right)
    assert stack.accuracies.tolist() == pytest.approx(shares_right(stack, stack.layer_probabilities(images), labels))
    torch.testing.assert_close(stack.mixture, mixture_of(stack))
    before = stack.accuracies.clone(), stack.mixture.clone()
    tiny_trainer().test(stack, datamodule=tiny_data(), verbose=False)
    assert torch.equal(stack.accuracies, before[0])  # not those of the test images
    assert torch.equal(stack.mixture, before[1])
    data = tiny_data()
    assert data.test is not None
    right = (stack.vote(data.test.images).argmax(dim=1) == data.test.labels).float().mean().item()
    assert stack.figures["vote/test/accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
def test_accuracies_are_those_found_wherever_the_front_is(front: str, plain: LayerStack) -> None:
    stack = run(VoteRule("accuracy"), lambda: SequentialSchedule(2, front=front))
    assert stack.accuracies.tolist() == plain.accuracies.tolist()


def test_the_vote_so_far_is_weighed_among_those_heard() -> None:
    """The head sleeps, and in the second wave the second layer has not been heard again when the first one has."""
    visits = [{"layer": 0}, {"layer": 1}, {"layer": 0}]
    stack = fit(CustomSchedule(visits), tiny_stack(vote_rule=VoteRule("accuracy")))
    assert stack.ballots.known() == [0]
    assert stack.figures["vote/val/accuracy_so_far"] == stack.figures["layer_0/val/accuracy"]
    assert stack.accuracies[0].item() == pytest.approx(stack.figures["layer_0/val/accuracy"])
    assert stack.accuracies[2].item() == 0
    tiny_trainer().validate(stack, datamodule=tiny_data(), verbose=False)
    shares = stack.layer_probabilities(IMAGES)
    first, second = (log_odds(stack.figures[f"layer_{number}/val/accuracy"], 3) for number in (0, 1))
    torch.testing.assert_close(stack.vote(IMAGES), (first * shares[0] + second * shares[1]) / (first + second))


def test_a_mixture_holds_until_all_of_its_layers_have_been_heard_again() -> None:
    rule, visits = VoteRule("likelihood"), [{"layer": 0}, {"layer": 1}, {"layer": 0}]
    stack = fit(CustomSchedule(visits), tiny_stack(vote_rule=rule), max_epochs=2)
    assert stack.mixture.sum().item() == pytest.approx(1)
    assert stack.mixture[2].item() == 0, "the head sleeps"
    again = fit(CustomSchedule(visits), tiny_stack(vote_rule=rule))
    assert again.ballots.known() == [0]
    assert torch.equal(again.mixture, stack.mixture)
    assert again.figures["vote/val/accuracy_so_far"] == again.figures["layer_0/val/accuracy"]
    tiny_trainer().validate(again, datamodule=tiny_data(), verbose=False)
    assert not torch.equal(again.mixture, stack.mixture)


@pytest.mark.parametrize("rule", BY_VALIDATION)
def test_end_to_end_the_heads_vote_is_all_there_is(rule: str) -> None:
    stack = run(VoteRule(rule), lambda: BackpropSchedule(2))
    assert stack.weigh(stack.voter_numbers).tolist() == [1.0]
    torch.testing.assert_close(stack.vote(IMAGES), stack(IMAGES).softmax(dim=1))
    assert stack.figures["vote/val/accuracy"] == stack.figures["head/val/accuracy"]


@pytest.mark.parametrize("rule", BY_VALIDATION)
def test_layers_that_learn_at_once_are_weighed_in_every_epoch(rule: str) -> None:
    stack = run(VoteRule(rule), lambda: SimultaneousSchedule(3))
    images, labels = validation_images()
    assert stack.accuracies.tolist() == pytest.approx(shares_right(stack, stack.layer_probabilities(images), labels))
    right = (stack.vote(images).argmax(dim=1) == labels).float().mean().item()
    assert stack.figures["vote/val/accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("rule", BY_VALIDATION)
def test_a_copy_votes_as_the_network_it_was_loaded_from(rule: str) -> None:
    stack = run(VoteRule(rule))
    copy = tiny_stack(seed=9, vote_rule=VoteRule(rule)).eval()
    copy.load_state_dict(stack.state_dict())
    assert torch.equal(copy.vote(IMAGES), stack.vote(IMAGES))


# Mirror images


def test_each_layer_judges_image_and_mirror_image_together(plain: LayerStack) -> None:
    stack = run(VoteRule(flips=True))
    assert differing(tensors(stack.layers), tensors(plain.layers)) == []
    one, other = plain.layer_probabilities(IMAGES), plain.layer_probabilities(IMAGES.flip(3))
    assert not torch.allclose(one, other, atol=1e-3)
    torch.testing.assert_close(stack.layer_probabilities(IMAGES), (one + other) / 2)
    torch.testing.assert_close(stack.vote(IMAGES), (one + other).mean(dim=0) / 2)
    torch.testing.assert_close(stack.vote(IMAGES.flip(3)), stack.vote(IMAGES))
    torch.testing.assert_close(stack.vote(IMAGES / 255), stack.vote(IMAGES))


@pytest.mark.parametrize("rule", WEIGHTS)
def test_a_fit_validates_one_view_and_what_follows_both(rule: str) -> None:
    one_view, stack = run(VoteRule(rule)), run(VoteRule(rule, flips=True))
    assert stack.figures == one_view.figures
    images, labels = validation_images()
    tiny_trainer().validate(stack, datamodule=tiny_data(), verbose=False)
    found = shares_right(stack, stack.layer_probabilities(images), labels)
    assert [stack.figures[f"{name}/val/accuracy"] for name in stack.names] == pytest.approx(found)
    assert stack.accuracies.tolist() == pytest.approx(found)
    right = (stack.vote(images).argmax(dim=1) == labels).float().mean().item()
    assert stack.figures["vote/val/accuracy"] == pytest.approx(right)
    both, one = stack.ballots.of(1)[0], one_view.ballots.of(1)[0]
    assert not torch.allclose(both, one, atol=1e-4)


# What would deceive


@pytest.mark.parametrize("rule", BY_VALIDATION)
def test_test_images_do_not_weigh_the_votes_that_they_test(rule: str) -> None:
    stack, data = tiny_stack(vote_rule=VoteRule(rule)), tiny_data(validation="test")
    message = rf"^vote\.weights={rule}: validation=test would weigh the layers by the test images; choose equal"
    with pytest.raises(ValueError, match=message):
        fit(WaveSchedule(1, 1), stack, data)
    with pytest.raises(ValueError, match=message):
        tiny_trainer().validate(stack, datamodule=data, verbose=False)
    tiny_trainer().test(stack, datamodule=data, verbose=False)
    fit(WaveSchedule(1, 1), tiny_stack(vote_rule=VoteRule("doubling", flips=True)), data)
