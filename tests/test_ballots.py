import torch
from torch import Tensor

from lwtrain.ballots import Ballots

LABELS = torch.tensor([0, 1, 1])


def shares(seed: int, rows: int = 3) -> Tensor:
    return torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


def filled(num_layers: int) -> Ballots:
    ballots = Ballots()
    for layer in range(num_layers):
        ballots.cast(layer, shares(layer), LABELS)
    return ballots


def test_a_vote_is_the_mean_of_the_voters_probabilities() -> None:
    probabilities, labels = filled(3).vote([0, 2])
    torch.testing.assert_close(probabilities, (shares(0) + shares(2)) / 2)
    assert torch.equal(labels, LABELS)


def test_votes_may_weigh_more_or_less() -> None:
    probabilities, _ = filled(3).vote([0, 2], torch.tensor([0.25, 0.75]))
    torch.testing.assert_close(probabilities, shares(0) / 4 + shares(2) * 3 / 4)


def test_batches_are_kept_in_their_order() -> None:
    ballots = Ballots()
    ballots.cast(0, shares(0), LABELS)
    ballots.cast(0, shares(1, rows=1), torch.tensor([0]))
    probabilities, labels = ballots.of(0)
    assert torch.equal(probabilities, torch.cat([shares(0), shares(1, rows=1)]))
    assert labels.tolist() == [0, 1, 1, 0]


def test_only_those_who_spoke_are_known() -> None:
    ballots = filled(2)
    assert ballots.knows([0, 1])
    assert not ballots.knows([0, 1, 2])
    assert not Ballots().knows([0])
    assert (ballots.known(), Ballots().known()) == ([0, 1], [])


def test_a_layer_that_trains_again_silences_itself_and_all_above() -> None:
    ballots = filled(4)
    ballots.reopen(2)
    assert ballots.knows([0, 1])
    assert not ballots.knows([2])
    assert not ballots.knows([3])
    ballots.cast(2, shares(9), LABELS)
    assert torch.equal(ballots.of(2)[0], shares(9))  # nothing of the old opinion is left


def test_an_opinion_is_news_once_until_it_is_given_again() -> None:
    ballots = filled(3)
    assert ballots.announce() == [0, 1, 2]
    assert ballots.announce() == []
    ballots.reopen(1)
    ballots.cast(1, shares(9), LABELS)
    assert ballots.announce() == [1]


def test_opinions_announced_in_an_earlier_run_are_no_news() -> None:
    ballots = filled(2)
    ballots.announced = {0}
    assert ballots.announce() == [1]
