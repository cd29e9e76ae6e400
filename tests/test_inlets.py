"""Maps that train: with the layer above them, at rest with it, kept and resumed with it."""

from itertools import pairwise
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from inlets import SCHEDULES, Copies, both_maps, part, stack_with_inlets, varied_data
from tiny import CLASSES, differing, fit, tensors, tiny_backbone, tiny_data, tiny_images
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.layer import LinearHead
from lwtrain.maps.decoder import DecoderMap
from lwtrain.optimizers import OptimizerFactory
from lwtrain.schedules import Together

IMAGES, LABELS = tiny_images(12).images / 255, tiny_images(12).labels


# Where a map that trains stands


@both_maps
def test_a_map_with_weights_belongs_to_the_part_above_it(map: str) -> None:
    stack = stack_with_inlets(map)
    assert isinstance(part(stack, 0).inlet, nn.Identity)
    assert [type(layer.map) for layer in stack.layers[:2]] == [nn.Identity] * 2
    assert "inlet.conv.weight" in dict(stack.layers[1].named_parameters())
    assert isinstance(stack.layers[2], LinearHead)
    assert "inlet.conv.weight" in dict(stack.layers[2].named_parameters())
    groups = stack.configure_optimizers().param_groups
    assert any(parameter is part(stack, 1).inlet.conv.weight for parameter in groups[1]["params"])


@both_maps
def test_the_network_is_layers_and_maps_in_turn(map: str) -> None:
    stack = stack_with_inlets(map).eval()
    first, second, head = stack.layers
    logits = head.classifier(head.inlet(second.layer(second.inlet(first.layer(IMAGES)))))
    torch.testing.assert_close(stack(IMAGES), logits)
    torch.testing.assert_close(stack.layer_probabilities(IMAGES)[2], logits.softmax(dim=1))


class EntryShapes(pl.Callback):
    """Notes the shape of what the front gives to each layer."""

    def __init__(self) -> None:
        self.shapes: dict[int, set[tuple[int, ...]]] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        inputs, _, _ = pl_module._enter(batch)
        self.shapes.setdefault(pl_module.entry, set()).add(tuple(inputs.shape[1:]))


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
def test_the_front_stands_before_the_map(front: str) -> None:
    seen = EntryShapes()
    fit(WaveSchedule(2, 2, front=front), stack_with_inlets(), callbacks=[seen])
    assert seen.shapes == {0: {(3, 8, 8)}, 1: {(4, 8, 8)}, 2: {(6, 8, 8)}}


def test_the_sidecar_rebuilds_what_the_map_gives() -> None:
    layer = part(stack_with_inlets("conv", dropout=0.0, alpha=0.25), 1).train()
    features = torch.rand(12, 4, 8, 8)
    losses = layer.local_step(features, LABELS[:4]).losses
    carried = layer.inlet(features)
    output = layer.sidecar(layer.layer(carried), num_labelled=4)
    target = carried.detach()
    rebuilt = F.mse_loss(output.reconstruction[:4], target[:4]) + F.mse_loss(output.reconstruction[4:], target[4:])
    expected = 0.75 * rebuilt + 0.25 * F.cross_entropy(output.logits, LABELS[:4])
    torch.testing.assert_close(losses.total, expected)
    # The map is taught by what is read through it, and not to give what is easily rebuilt.
    (gradient,) = torch.autograd.grad(losses.total, layer.inlet.conv.weight)
    (by_reading,) = torch.autograd.grad(expected, layer.inlet.conv.weight)
    torch.testing.assert_close(gradient, by_reading)


# Locality


@pytest.fixture(scope="module", params=["conv", "decoder"])
def copies(request: pytest.FixtureRequest) -> Copies:
    """Two waves of two epochs a visit, by an optimizer that would also move what has no gradient if it could."""
    optimizer = OptimizerFactory("adamw", lr=1e-2, settings={"weight_decay": 0.1})
    copies = Copies()
    fit(WaveSchedule(4, 2), stack_with_inlets(request.param, optimizer=optimizer), callbacks=[copies])
    return copies


def test_a_map_trains_with_the_layer_above_it_and_rests_with_it(copies: Copies) -> None:
    assert [active for active, _, _ in copies.epochs] == [0, 0, 1, 1, 2, 2] * 2
    for active, before, after in copies.epochs:
        moved = differing(before, after)
        assert all(name.startswith(f"{active}.") for name in moved)
        assert (f"{active}.inlet.conv.weight" in moved) == (active > 0)


def test_between_epochs_nothing_moves_but_a_map_that_begins(copies: Copies) -> None:
    for number, ((_, _, one), (active, other, _)) in enumerate(pairwise(copies.epochs)):
        moved = differing(one, other)
        begins = number in (1, 3) and "1.inlet.begun" in one  # before the first epochs of layer 1 and of the head
        own = {f"{active}.inlet.{name}" for name in ("conv.weight", "conv.bias", "begun")}
        assert set(moved) == (own if begins else set())
        if begins:
            decoder = f"{active - 1}.sidecar.autoencoder.decoder.1"
            assert torch.equal(other[f"{active}.inlet.conv.weight"], one[f"{decoder}.weight"])
            assert torch.equal(other[f"{active}.inlet.conv.bias"], one[f"{decoder}.bias"])


@pytest.mark.parametrize("turn", [1, 2, Together.SIMULTANEOUS, Together.BACKPROP])
def test_a_map_takes_weights_over_when_its_layer_wakes_first(turn: int | Together) -> None:
    stack = stack_with_inlets()
    for _ in range(2):
        stack.activate(turn)
        inlets = [layer.inlet for layer in stack.layers[1:]]
        awake = [turn == 1, turn == 2] if isinstance(turn, int) else [True, True]
        assert [bool(inlet.begun) for inlet in inlets] == awake
        last = [layer.sidecar.autoencoder.decoder[-1].weight for layer in stack.layers[:2]]
        alike = [torch.equal(inlet.conv.weight, weight) for inlet, weight in zip(inlets, last, strict=True)]
        assert alike == awake
    with torch.no_grad():
        for weight in last:
            weight.zero_()
    stack.activate(turn)
    assert all(inlet.conv.weight.any() for inlet in inlets)


@pytest.mark.parametrize("name", SCHEDULES)
@both_maps
def test_every_schedule_trains_the_maps(map: str, name: str) -> None:
    copies = Copies()
    stack = fit(SCHEDULES[name](), stack_with_inlets(map), callbacks=[copies])
    moved = {name for _, before, after in copies.epochs for name in differing(before, after)}
    assert {"1.inlet.conv.weight", "1.inlet.conv.bias", "2.inlet.conv.weight", "2.inlet.conv.bias"} <= moved
    assert not any(module.training for module in stack.layers.modules())


@pytest.mark.parametrize("turn", [1, 2, Together.SIMULTANEOUS, Together.BACKPROP])
@pytest.mark.parametrize("alpha", [0.5, 1])
def test_whatever_wakes_gets_a_gradient(turn: int | Together, alpha: float) -> None:
    """Data parallelism would wait for what gets none."""
    stack = stack_with_inlets(alpha=alpha)
    stack.activate(turn)
    for number in stack.learners:
        inputs = IMAGES if stack.end_to_end else stack.climb(IMAGES, number).detach()
        step = stack.end_to_end_step if stack.end_to_end else stack.part(number).local_step
        step(inputs, LABELS[:6]).losses.total.backward()
    waiting = [name for name, parameter in stack.layers.named_parameters() if parameter.requires_grad]
    without = [name for name in waiting if stack.layers.get_parameter(name).grad is None]
    assert without == []
    assert any("inlet" in name for name in waiting)


# The same training


@pytest.mark.parametrize("name", SCHEDULES)
@both_maps
def test_all_fronts_give_bitwise_the_same_weights(map: str, name: str) -> None:
    memory, *others = (
        fit(SCHEDULES[name](front=front), stack_with_inlets(map), varied_data())
        for front in ("memory", "disk", "recompute", "auto")
    )
    for other in others:
        assert differing(tensors(memory.layers), tensors(other.layers)) == []
        assert memory.figures == other.figures


@pytest.mark.parametrize("schedule", [WaveSchedule(1, 1), SimultaneousSchedule(1), BackpropSchedule(1)])
def test_slices_teach_the_maps_what_the_batch_teaches(schedule: LayerSchedule) -> None:
    def trained(micro_batch: int | None) -> dict[str, Tensor]:
        # Neither batch norm nor dropout, and a light sidecar: rows do not know of each other.
        own = {"encoder": "pool", "norm": False, "dropout": 0.0, "micro_batch": micro_batch}
        stack = stack_with_inlets("conv", optimizer=OptimizerFactory("sgd", lr=0.05), **own)
        return tensors(fit(schedule, stack, tiny_data(labels="all")).layers)

    whole, sliced = trained(None), trained(4)
    for name in whole:
        torch.testing.assert_close(sliced[name], whole[name], rtol=1e-4, atol=1e-6, msg=name)


def test_compiled_steps_train_the_maps_too() -> None:
    torch._dynamo.reset()
    compiled = fit(SimultaneousSchedule(1), stack_with_inlets(), callbacks=[CompiledSteps("eager")])
    plain = fit(SimultaneousSchedule(1), stack_with_inlets())
    assert differing(tensors(compiled.layers), tensors(plain.layers)) == []


# What cannot be


def test_a_map_without_a_decoder_to_begin_as_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^map=decoder: the sidecar below has no decoder that ends in such"):
        stack_with_inlets("decoder", encoder="pool")
    backbone = tiny_backbone()
    backbone.maps[1] = DecoderMap((6, 4, 4), (6, 4, 4))  # layer 1 reads 4 channels, which its decoder rebuilds
    with pytest.raises(ValueError, match=r"^map=decoder:"):
        build_stack(backbone)


def test_maps_may_train_in_a_network_whose_other_maps_do_not() -> None:
    backbone = tiny_backbone()
    backbone.maps[1] = nn.Conv2d(6, 6, 3, padding=1)
    stack = build_stack(backbone, encoder_settings={"hidden": 8})
    before = tensors(stack.layers)
    fit(WaveSchedule(1, 1), stack)
    assert "2.inlet.weight" in differing(tensors(stack.layers), before)
    assert stack(IMAGES).shape == (12, CLASSES)
