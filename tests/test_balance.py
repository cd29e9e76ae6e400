"""Layers dealt to ranks: the best of all deals in slices."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.balance import balanced

COSTS = st.lists(st.integers(0, 20), min_size=1, max_size=7)


@given(costs=COSTS, data=st.data())
def test_no_deal_has_a_smaller_largest_share(costs: list[int], data: st.DataObject) -> None:
    num_ranks = data.draw(st.integers(1, len(costs)))
    cuts = combinations(range(1, len(costs)), num_ranks - 1)
    best = min(_largest(costs, [0, *cut, len(costs)]) for cut in cuts)

    deal = balanced(costs, num_ranks)

    assert max(sum(costs[layer] for layer in layers) for layers in deal) == best


@given(costs=COSTS, data=st.data())
def test_what_is_sent_counts_where_another_rank_follows(costs: list[int], data: st.DataObject) -> None:
    num_ranks = data.draw(st.integers(1, len(costs)))
    sending = data.draw(st.lists(st.integers(0, 20), min_size=len(costs), max_size=len(costs)))
    cuts = combinations(range(1, len(costs)), num_ranks - 1)
    best = min(_largest(costs, [0, *cut, len(costs)], sending) for cut in cuts)

    deal = balanced(costs, num_ranks, sending)

    assert _largest(costs, [0, *(layers.stop for layers in deal)], sending) == best


@given(costs=COSTS, data=st.data())
def test_each_layer_is_dealt_once_and_in_order(costs: list[int], data: st.DataObject) -> None:
    deal = balanced(costs, data.draw(st.integers(1, len(costs))))

    assert [layer for layers in deal for layer in layers] == list(range(len(costs)))
    assert all(deal)


def test_a_costly_layer_stands_alone() -> None:
    assert balanced([1.0, 9.0, 1.0, 1.0], num_ranks=3) == [range(0, 1), range(1, 2), range(2, 4)]


@pytest.mark.parametrize("num_ranks", [0, 3])
def test_a_rank_without_a_layer_is_refused(num_ranks: int) -> None:
    with pytest.raises(ValueError, match=f"^{num_ranks} ranks: choose 1 to 2, the number of layers$"):
        balanced([1.0, 1.0], num_ranks)


def _largest(costs: list[int], bounds: list[int], sending: list[int] | None = None) -> int:
    sent = [*(sending or [0] * len(costs))[:-1], 0]
    return max(sum(costs[first:end]) + sent[end - 1] for first, end in pairwise(bounds))
