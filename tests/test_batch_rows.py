import pytest
import torch
from torch import Tensor

from lwtrain.batch_rows import first_rows, split_rows


def images() -> Tensor:
    rows = torch.rand(6, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    return rows.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("count", [0, 2, 6])
@pytest.mark.parametrize("used", ["first", "others", "both"])
def test_rows_and_gradients_are_those_of_slices(count: int, used: str) -> None:
    ours, theirs = images(), images()
    parts, slices = split_rows(ours, count), (theirs[:count], theirs[count:])
    for part, expected in zip(parts, slices, strict=True):
        assert torch.equal(part, expected)
    chosen = {"first": [0], "others": [1], "both": [0, 1]}[used]
    total = sum(((number + 1) * parts[number].square().sum() for number in chosen), start=torch.zeros(()))
    if not total.requires_grad:  # the rows that are used are none
        assert all(len(parts[number]) == 0 for number in chosen)
        return
    total.backward()
    sum((number + 1) * slices[number].square().sum() for number in chosen).backward()
    assert ours.grad is not None
    assert torch.equal(ours.grad, theirs.grad)
    assert ours.grad.is_contiguous(memory_format=torch.channels_last)


def test_all_rows_are_the_batch_itself() -> None:
    batch = images()
    assert first_rows(batch, None) is batch
    assert first_rows(batch, 6) is batch
    assert torch.equal(first_rows(batch, 2), batch[:2])
