import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lwtrain.seeds import derive_seed, generator_for, seed_modules

PARTS = st.lists(st.one_of(st.integers(), st.text(max_size=8)), max_size=4)


@settings(deadline=None)
@given(PARTS, PARTS)
def test_seeds_are_equal_only_where_their_parts_are(one: list[int | str], other: list[int | str]) -> None:
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


@settings(deadline=None)
@given(PARTS)
def test_seeds_are_such_as_torch_takes(parts: list[int | str]) -> None:
    assert 0 <= derive_seed(*parts) < 2**63
    assert torch.equal(*(torch.rand(2, generator=generator_for(*parts)) for _ in range(2)))


def test_seeds_are_the_same_in_every_process() -> None:
    assert derive_seed(0, "labels") == 6356408975095894414


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=generator_for(1, "view"))
    assert torch.equal(torch.get_rng_state(), before)


def test_modules_draw_what_they_would_behind_torchs_own_seeding() -> None:
    torch.manual_seed(derive_seed(3, "modules", 1))
    expected = torch.rand(5)
    seed_modules(torch.device("cpu"), 3, "modules", 1)
    assert torch.equal(torch.rand(5), expected)


def test_no_accelerator_is_seeded_that_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seed: int) -> None:
        raise AssertionError("it would note the whole stack of calls for later")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    seed_modules(torch.device("cpu"), 3)
