import re
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import CLASSES, differing, fit, tensors, tiny_backbone, tiny_data
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, LayerStack, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config
from lwtrain.data.index_batches import RowBatch
from lwtrain.evaluating import evaluating
from lwtrain.information.hsic import HSIC
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.hsic import HSICObjective
from lwtrain.objectives.objective import Losses
from lwtrain.sidecars.sidecar import SidecarOutput

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def build(depth: int = 0, **settings: object) -> HSICObjective:
    objective = OBJECTIVES["hsic"]("hsic", depth=depth, **settings)
    assert isinstance(objective, HSICObjective)
    return objective


def output(rows: int = 6, channels: int = 4, seed: int = 0) -> SidecarOutput:
    """Of a layer whose activations come from the images, and tell the class by a channel of its own."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(rows, 3, 4, 4, generator=generator)
    features = images.mean(dim=1, keepdim=True).repeat(1, channels, 1, 1)
    features[torch.arange(rows), torch.arange(rows) % 3] += 1
    return SidecarOutput(torch.zeros(rows, CLASSES), None, features.requires_grad_(), images)


def loss(objective: HSICObjective, given: SidecarOutput, labels: Tensor = LABELS) -> float:
    """The layer's part of the total."""
    losses = objective(given, given.images, labels)
    return (losses.total - losses.prediction).item()


@pytest.mark.parametrize("normalised", [False, True])
def test_the_loss_weighs_the_labels_against_the_images(normalised: bool) -> None:
    given, measure = output(), HSIC(2.0, normalised)
    with_images = measure.criterion(given.features, given.images).item()
    with_labels = measure.criterion(given.features, LABELS).item()
    objective = build(sigma=2.0, coefficient=3.0, normalised=normalised)
    assert loss(objective, given) == pytest.approx(with_images - 3 * with_labels, rel=1e-4, abs=1e-6)


def test_it_is_normalised_unless_said_otherwise() -> None:
    assert all(measure.normalised for measure in build().measures)
    assert load_config(["objective=hsic"]).objective.normalised


def test_the_prediction_is_added_and_teaches_the_layer_nothing() -> None:
    given = output()
    logits = torch.zeros(6, CLASSES, requires_grad=True)
    losses = build()(given._replace(logits=logits), given.images, LABELS)
    losses.prediction.backward()
    assert logits.grad.abs().sum() > 0
    assert given.features.grad is None


def test_unlabelled_rows_pass_by() -> None:
    given, objective = output(rows=9), build(sigma=1.0)
    first = SidecarOutput(given.logits[:6], None, given.features[:6], given.images[:6])
    assert loss(objective, given) == pytest.approx(loss(objective, first), rel=1e-5)


@pytest.mark.parametrize("labelled", [0, 1])
def test_rows_with_which_nothing_can_be_compared_leave_the_layer_alone(labelled: int) -> None:
    given = output()
    losses = build()(given._replace(logits=given.logits[:labelled]), given.images, LABELS[:labelled])
    losses.total.backward()
    assert given.features.grad.abs().sum() == 0


def test_several_widths_measure_a_branch_each() -> None:
    given = output(channels=4)
    halves = [given._replace(features=half) for half in given.features.chunk(2, dim=1)]
    single = [build(sigma=sigma) for sigma in (0.5, 2.0)]
    expected = sum(loss(objective, half) for objective, half in zip(single, halves, strict=True))
    assert loss(build(sigma=[0.5, 2.0]), given) == pytest.approx(expected, rel=1e-4)


def test_channels_that_cannot_be_dealt_out_are_refused() -> None:
    message = "objective.sigma=[1.0, 2.0, 3.0]: 3 branches; choose a divisor of the 4 channels of layer_0's output"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        loss(build(sigma=[1.0, 2.0, 3.0]), output(channels=4))


def test_each_layer_has_its_own_coefficient() -> None:
    assert [build(depth, coefficient=[5.0, 7.0]).coefficient for depth in (0, 1)] == [5.0, 7.0]
    assert build(3, coefficient=9).coefficient == 9.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": 0.0}, "objective.sigma=0.0: choose a number above 0"),
        ({"sigma": []}, "objective.sigma=[]: choose a number above 0"),
        ({"coefficient": -1.0}, "objective.coefficient=-1.0: choose a number above 0"),
        ({"coefficient": [1.0], "depth": 1}, "objective.coefficient=[1.0]: choose a number above 0, or one for each"),
        ({"label_smoothing": 1.0}, "objective.label_smoothing=1.0: choose 0 or more and less than 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        build(**settings)


def test_losses_are_float32_under_autocast() -> None:
    given, objective = output(), build()
    with torch.autocast("cpu", torch.bfloat16):
        losses = objective(given._replace(features=given.features.bfloat16()), given.images, LABELS)
    assert losses.total.dtype == torch.float32


# In a run


def hsic_stack(**settings: object) -> LayerStack:
    torch.manual_seed(0)
    return build_stack(
        tiny_backbone(), encoder="pool", encoder_settings={"grid": 2}, objective="hsic", objective_settings=settings
    )


@pytest.mark.parametrize("schedule", [WaveSchedule(2, 2), SimultaneousSchedule(2)])
@pytest.mark.parametrize("settings", [{}, {"sigma": [1.0, 5.0]}, {"normalised": False}])
def test_every_layer_learns(schedule: LayerSchedule, settings: dict[str, object]) -> None:
    stack = hsic_stack(**settings)
    before = tensors(stack)
    fit(schedule, stack)
    moved = differing(before, tensors(stack))
    named = {f"layers.{number}.{part}" for number in (0, 1) for part in ("layer.0.weight", "sidecar")}
    assert all(any(name.startswith(part) for name in moved) for part in named)


def test_a_layer_learns_to_depend_on_the_labels() -> None:
    stack, data = hsic_stack(), tiny_data(labels="all")
    images, labels = data.train.images.float() / 255, data.train.labels
    measure = HSIC(5.0, normalised=True)

    def with_labels() -> float:
        with torch.no_grad(), evaluating(stack):
            return measure.criterion(stack.layers[0].features(images), labels).item()

    before = with_labels()
    fit(WaveSchedule(8, 1), stack, data)
    assert with_labels() > before


class Steps(pl.Callback):
    """Keeps what layer 1 made of each batch in the first epoch it trains in, what its loss was, and the batch."""

    def __init__(self, stack: LayerStack) -> None:
        self.batches: list[RowBatch] = []
        self.features: list[Tensor] = []
        self.losses: list[Losses] = []
        part = stack.layers[1]
        part.layer.register_forward_hook(
            lambda layer, _, z: self.features.append(z.detach()) if layer.training else None
        )
        part.objective.register_forward_hook(lambda _, __, losses: self.losses.append(losses))

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: LayerStack, batch: RowBatch, batch_idx: int) -> None:
        if pl_module.learners == [1]:
            self.batches.append(batch)


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
def test_upper_layers_too_compare_with_the_images_that_entered_the_network(front: str, tmp_path: Path) -> None:
    stack, data = hsic_stack(sigma=0.5, coefficient=1.0, normalised=False), tiny_data(labels="all")
    steps, measure = Steps(stack), HSIC(0.5)
    fit(WaveSchedule(1, 1, front=front, front_folder=tmp_path), stack, data, callbacks=[steps])
    assert len(steps.batches) == len(steps.features) == len(steps.losses) == 3
    for batch, z, losses in zip(steps.batches, steps.features, steps.losses, strict=True):
        rows = data.rows((0, 0)).images[batch.rows]
        assert torch.equal(data.train.labels[rows], batch.labels)
        images = data.train.images[rows].float() / 255
        expected = measure.criterion(z, images) - measure.criterion(z, batch.labels)
        assert (losses.total - losses.prediction).item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-6)
        others = measure.criterion(z, images.flip(0)) - measure.criterion(z, batch.labels)
        assert others.item() != pytest.approx(expected.item(), rel=1e-2)  # of other images it would be another loss


def test_the_probe_does_not_reach_the_layer() -> None:
    """With other first weights of the sidecar the layer becomes the same."""
    one, other = hsic_stack(), hsic_stack()
    with torch.no_grad():
        for parameter in other.layers[0].sidecar.parameters():
            parameter.mul_(3)
    fit(WaveSchedule(1, 1), one)
    fit(WaveSchedule(1, 1), other)
    assert differing(tensors(one.layers[0].layer), tensors(other.layers[0].layer)) == []
    assert differing(tensors(one.layers[0].sidecar), tensors(other.layers[0].sidecar)) != []


def test_backprop_does_without() -> None:
    stack = hsic_stack()
    fit(BackpropSchedule(1), stack)
    assert "head/train/loss" in stack.figures
