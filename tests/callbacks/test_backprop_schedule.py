import copy

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor, nn

from lwtrain import BackpropSchedule
from lwtrain.data.augmentation import preset
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

EPOCHS, LR = 3, 0.1


class Batches(pl.Callback):
    """Remembers what the network was shown, and each step's loss."""

    def __init__(self) -> None:
        self.shown: list[tuple[Tensor, Tensor]] = []
        self.losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: dict[str, Tensor], batch: object, number: int
    ) -> None:
        self.shown.append((pl_module.front[batch.rows].clone(), batch.labels))
        self.losses.append(outputs["loss"].detach())


@pytest.fixture(scope="module")
def run() -> tuple[nn.Module, dict[str, Tensor], LayerStack, Batches]:
    """A plain copy of the untrained backbone, the untrained stack's tensors, the trained stack, and its batches."""
    optimizer = OptimizerFactory("sgd", lr=LR, settings={"momentum": 0.9, "weight_decay": 0.01})
    stack, batches = tiny_stack(dropout=0.0, optimizer=optimizer), Batches()
    first, second, head = stack.layers
    plain = copy.deepcopy(nn.Sequential(first.layer, first.map, second.layer, second.map, head.classifier))
    before = tensors(stack.layers)
    data = tiny_data(labels="all", augmentation=preset("light"))
    fit(BackpropSchedule(EPOCHS, course="linear"), stack, data, callbacks=[batches])
    return plain, before, stack, batches


def test_backprop_is_plain_end_to_end_training(
    run: tuple[nn.Module, dict[str, Tensor], LayerStack, Batches],
) -> None:
    plain, _, stack, batches = run
    optimizer = torch.optim.SGD(plain.parameters(), lr=LR, momentum=0.9, weight_decay=0.01)
    losses, num_steps = [], len(batches.shown)
    for step, (images, labels) in enumerate(batches.shown):
        optimizer.param_groups[0]["lr"] = LR * (1 - step / num_steps)
        loss = F.cross_entropy(plain(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    assert num_steps == EPOCHS * 3
    # One differs by its fused kernel: float32, so some units of the last place.
    torch.testing.assert_close(torch.stack(batches.losses), torch.stack(losses), rtol=1e-5, atol=1e-6)
    images = tiny_data().train.images / 255
    torch.testing.assert_close(stack.eval()(images), plain.eval()(images), rtol=1e-4, atol=1e-5)


def test_backprop_moves_the_whole_backbone_and_no_sidecar(
    run: tuple[nn.Module, dict[str, Tensor], LayerStack, Batches],
) -> None:
    _, before, stack, _ = run
    moved = set(differing(tensors(stack.layers), before))
    assert moved == {name for name in before if ".layer." in name or ".classifier." in name}


def test_backprop_shows_a_new_view_in_every_epoch(
    run: tuple[nn.Module, dict[str, Tensor], LayerStack, Batches],
) -> None:
    batches = run[3]
    epochs = [torch.cat([images for images, _ in batches.shown[3 * epoch : 3 * epoch + 3]]) for epoch in range(EPOCHS)]
    brightness = [epoch.sum(dim=(1, 2, 3)).sort().values for epoch in epochs]  # whatever the order
    assert not torch.equal(brightness[0], brightness[1])
    assert not torch.equal(brightness[1], brightness[2])


def test_backprop_learns_from_labelled_rows_only() -> None:
    seen: list[int] = []
    stack = tiny_stack()
    stack.layers[0].layer.register_forward_pre_hook(
        lambda _, inputs: seen.append(len(inputs[0])) if torch.is_grad_enabled() else None
    )
    fit(BackpropSchedule(1), stack)
    assert seen == [6] * 4  # of batches of 12
