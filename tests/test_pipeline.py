import pytest
import torch
from torch import Tensor

from lwtrain.pipeline import Form, Pipeline


def test_each_layer_has_an_owner() -> None:
    line = Pipeline([range(2), range(2, 3), range(3, 5)], rank=1)
    assert [line.owner(layer) for layer in range(5)] == [0, 0, 1, 2, 2]
    assert list(line.own) == [2]
    assert (line.is_first, line.is_last) == (False, False)
    assert Pipeline(line.slices, rank=2).is_last


def test_slices_lie_one_behind_the_other() -> None:
    with pytest.raises(AssertionError, match="behind the other"):
        Pipeline([range(2), range(3, 5)], rank=0)


@pytest.mark.parametrize(
    "activations",
    [
        torch.randn(4, 3, 5, 6),
        torch.randn(4, 3, 5, 6).to(memory_format=torch.channels_last),
        torch.randn(4, 1, 1, 6).bfloat16().to(memory_format=torch.channels_last),
        torch.randn(4, 7).half(),
        torch.randn(4, 3, 5, 12)[..., ::2],
        torch.randn(8, 7)[2:6],
    ],
    ids=["rows of rows", "channels last", "one channel", "features", "with gaps", "from the middle"],
)
def test_activations_arrive_as_they_were(activations: Tensor) -> None:
    sent, arrived = Form.of(activations), Form.read(Form.of(activations).header().tolist())
    for batch in (activations, activations[:3]):
        numbers = arrived.room(len(batch), None)
        assert numbers.copy_(sent.flat(batch)).dtype == torch.uint8
        again = arrived.shaped(numbers, len(batch))
        assert torch.equal(again, batch)
        assert again.dtype == batch.dtype
        assert again.stride() == torch.empty_like(activations).stride()
