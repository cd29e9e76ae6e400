import torch
from saved_bytes import SavedBytes
from torch import Tensor, nn

from lwtrain.live_bytes import FEW, MORE, LiveBytes, RowBytes, row_bytes


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5))


def step(net: nn.Module, rows: int) -> LiveBytes:
    images = torch.rand(rows, 3, 8, 8)
    with LiveBytes([*net.parameters(), *net.buffers(), images]) as live:
        net(images).square().mean().backward()
    net.zero_grad(set_to_none=True)
    return live


def most(changes: list[int]) -> int:
    return int(torch.tensor(changes).cumsum(dim=0).max())


def test_two_sizes_tell_what_any_other_takes() -> None:
    net = network()
    found = row_bytes(lambda rows: step(net, rows))
    for rows in (4, 5, 8, 33, 200):
        assert found.peak(rows) == most(step(net, rows).changes)


def test_everything_is_let_go_of() -> None:
    assert sum(step(network(), FEW).changes) <= 0


def test_what_is_saved_for_the_backward_pass_is_part_of_it() -> None:
    net, images = network(), torch.rand(50, 3, 8, 8)
    with SavedBytes().watch() as saved:
        net(images).square().mean().backward()
    known = sum(weight.nbytes for weight in net.parameters()) + images.nbytes  # saved, too, but there anyway
    net.zero_grad(set_to_none=True)
    peak = row_bytes(lambda rows: step(net, rows)).peak(50)
    assert saved.peak - known < peak < 3 * saved.peak


def test_views_and_what_was_there_before_are_not_counted() -> None:
    there = torch.zeros(10)
    with LiveBytes([there]) as live:
        there.view(2, 5).t()
        there.add_(1)
        kept: Tensor = there + 1
    assert live.changes == [40]
    del kept
    assert live.changes == [40, -40]


def test_the_rows_that_fit_are_a_power_of_two() -> None:
    grows = RowBytes(torch.tensor([100.0 + 10 * FEW]), torch.tensor([100.0 + 10 * MORE]))
    assert [grows.most_rows(size) for size in (119, 120, 259, 260, 1379, 1380)] == [0, 2, 8, 16, 64, 128]
