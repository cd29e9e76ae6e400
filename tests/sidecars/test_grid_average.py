import pytest
import torch
import torch.nn.functional as F

from lwtrain.sidecars.grid_average import GridAverage


@pytest.mark.parametrize("size", [(8, 8), (8, 4), (9, 7)], ids=str)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
def test_averages_and_gradients_are_those_of_adaptive_pooling(
    size: tuple[int, int], memory: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 5, *size, generator=generator).contiguous(memory_format=memory)
    weights = torch.rand(3, 5, 4, 2, generator=generator)
    ours, theirs = images.clone().requires_grad_(), images.clone().requires_grad_()
    average, expected = GridAverage(4, 2)(ours), F.adaptive_avg_pool2d(theirs, (4, 2))
    torch.testing.assert_close(average, expected)
    (average * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_gradient_keeps_the_layout_of_convolutions() -> None:
    images = torch.rand(2, 8, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    GridAverage(4, 4)(images).sum().backward()
    assert images.grad is not None
    assert images.grad.is_contiguous(memory_format=torch.channels_last)
