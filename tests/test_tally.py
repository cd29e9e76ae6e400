import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lwtrain.ballots import Ballots
from lwtrain.tally import Tally

LABELS = torch.tensor([0, 1, 1, 0])
SURE = math.log(9)  # the log odds of 90 %


def cast(ballots: Ballots, layer: int, log_odds: list[float]) -> None:
    """Let a layer give class 0 these odds, image by image."""
    ballots.cast(layer, torch.tensor([[odds, 0.0] for odds in log_odds]).softmax(dim=1), LABELS)


def count(ballots: Ballots, voters: list[int]) -> dict[str, float]:
    figures = Tally(["layer_0", "layer_1", "head"]).count(ballots, voters, "val")
    return {tag: float(value) for tag, value in figures.items()}


def test_accuracy_and_cross_entropy_are_those_of_the_probabilities() -> None:
    ballots = Ballots()
    cast(ballots, 0, [SURE, SURE, -SURE, SURE])  # wrong about the second
    figures = count(ballots, [0, 1, 2])
    assert figures["layer_0/val/accuracy"] == 0.75
    assert figures["layer_0/val/prediction"] == pytest.approx(-(3 * math.log(0.9) + math.log(0.1)) / 4)


def test_a_vote_goes_by_the_mean_probability_and_not_by_heads() -> None:
    ballots = Ballots()
    for layer in (0, 1):
        cast(ballots, layer, [-0.1] * 4)  # two are faintly for class 1
    cast(ballots, 2, [SURE] * 4)  # one is sure of class 0
    assert count(ballots, [0, 1, 2])["vote/val/accuracy"] == 0.5
    assert ballots.vote([0, 1, 2])[0].argmax(dim=1).tolist() == [0] * 4


def test_the_vote_is_complete_when_all_voters_have_spoken() -> None:
    ballots = Ballots()
    cast(ballots, 0, [SURE, -SURE, -SURE, SURE])
    assert count(ballots, [0, 2]) == {
        "layer_0/val/accuracy": 1.0,
        "layer_0/val/prediction": pytest.approx(-math.log(0.9)),
        "vote/val/accuracy_so_far": 1.0,
    }
    cast(ballots, 2, [-2 * SURE, -SURE, -SURE, SURE])
    figures = count(ballots, [0, 2])
    assert figures["vote/val/accuracy"] == figures["vote/val/accuracy_so_far"] == 0.75
    assert "layer_0/val/accuracy" not in figures  # no news


def test_layers_without_a_vote_are_measured_and_not_counted() -> None:
    ballots = Ballots()
    cast(ballots, 0, [SURE, -SURE, -SURE, SURE])
    cast(ballots, 1, [-9 * SURE, 9 * SURE, 9 * SURE, -9 * SURE])
    figures = count(ballots, [0])
    assert figures["layer_1/val/accuracy"] == 0.0
    assert figures["vote/val/accuracy"] == 1.0


def test_votes_weigh_what_they_are_said_to_among_those_who_spoke() -> None:
    ballots, asked = Ballots(), list[list[int]]()
    cast(ballots, 0, [SURE] * 4)
    cast(ballots, 2, [-2 * SURE] * 4)

    def weigh(layers: Sequence[int]) -> Tensor:
        asked.append(list(layers))
        return torch.tensor([0.9, 0.1])

    figures = Tally(["layer_0", "layer_1", "head"]).count(ballots, [0, 1, 2], "val", weigh=weigh)
    assert asked == [[0, 2]]
    assert figures["vote/val/accuracy_so_far"] == 0.5  # as layer 0 has it; with equal weights, class 1 would win
    assert ballots.vote([0, 2], weigh([0, 2]))[0].argmax(dim=1).tolist() == [0] * 4
    assert ballots.vote([0, 2])[0].argmax(dim=1).tolist() == [1] * 4


def test_accuracies_are_those_of_all_who_spoke() -> None:
    ballots = Ballots()
    cast(ballots, 0, [SURE, SURE, -SURE, SURE])
    cast(ballots, 2, [SURE, -SURE, -SURE, SURE])
    ballots.announce()  # no news, and still known
    found = Tally(["layer_0", "layer_1", "head"]).accuracies(ballots)
    assert {layer: float(accuracy) for layer, accuracy in found.items()} == {0: 0.75, 2: 1.0}


def test_voters_weigh_by_how_likely_they_make_the_labels() -> None:
    ballots = Ballots()
    cast(ballots, 0, [SURE, -SURE, -SURE, -SURE])  # right about three of four
    cast(ballots, 1, [SURE] * 4)  # about two, of which the other layer knows one
    cast(ballots, 2, [-SURE, SURE, SURE, -SURE])  # about none
    tally = Tally(["layer_0", "layer_1", "head"])
    assert tally.mixture(ballots, [0, 2]).tolist() == pytest.approx([1, 0], abs=1e-6)
    # both give the first label 0.9; d/dw of 2 log(0.1 + 0.8 w) + log(0.9 - 0.8 w), of the others, is 0 at 1.7 / 2.4
    assert tally.mixture(ballots, [0, 1]).tolist() == pytest.approx([1.7 / 2.4, 0.7 / 2.4], abs=1e-3)


def test_without_ballots_there_is_nothing_to_count() -> None:
    assert count(Ballots(), [0, 1]) == {}
