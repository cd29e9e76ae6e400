import re

import pytest
import torch
from tiny import CLASSES, differing, fit, tensors, tiny_backbone
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, LayerStack, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.predsim import PredSimObjective, similarity_loss
from lwtrain.sidecars.sidecar import SidecarOutput

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def build(**settings: object) -> PredSimObjective:
    objective = OBJECTIVES["predsim"]("predsim", depth=0, **settings)
    assert isinstance(objective, PredSimObjective)
    return objective


def output(rows: int = 6) -> SidecarOutput:
    generator = torch.Generator().manual_seed(0)
    projection = torch.rand(rows, 5, 4, 4, generator=generator).requires_grad_()
    return SidecarOutput(torch.zeros(len(LABELS), CLASSES), None, projection=projection)


def written_out(features: Tensor, labels: Tensor, num_classes: int) -> float:
    """Row by row, as the paper says it: deviations over the image, cosines about each row's mean, squared errors."""
    deviations = [[channel.flatten().std() for channel in row] for row in features.double()]
    codes = [[float(label == each) for each in range(num_classes)] for label in labels]

    def cosine(one: list[float], other: list[float]) -> Tensor:
        a, b = (torch.tensor(row, dtype=torch.float64) for row in (one, other))
        a, b = a - a.mean(), b - b.mean()
        return a @ b / (a.norm() * b.norm())

    count = len(labels)
    errors = [
        (cosine(deviations[i], deviations[j]) - cosine(codes[i], codes[j])) ** 2
        for i in range(count)
        for j in range(count)
    ]
    return float(sum(errors) / count**2)


def test_similarities_are_those_of_the_formula() -> None:
    features = output().projection.detach()
    assert similarity_loss(features, LABELS, CLASSES).item() == pytest.approx(
        written_out(features, LABELS, CLASSES), rel=1e-5
    )


def test_rows_of_a_class_that_look_alike_cost_nothing() -> None:
    codes = torch.eye(CLASSES)[LABELS]
    assert similarity_loss(codes * 3, LABELS, CLASSES).item() == pytest.approx(0, abs=1e-12)
    assert similarity_loss(codes.roll(1, dims=0), LABELS, CLASSES).item() == pytest.approx(0, abs=1e-12)
    assert similarity_loss(codes.flip(0)[[0, 0, 1, 1, 2, 2]], LABELS, CLASSES).item() > 0.5


def test_both_terms_have_their_weight() -> None:
    given = output()
    losses = build(similarity=0.25)(given, given.projection, LABELS)
    matching = similarity_loss(given.projection, LABELS, CLASSES)
    assert losses.total.item() == pytest.approx((0.25 * matching + 0.75 * losses.prediction).item())


def test_unlabelled_rows_pass_by() -> None:
    more, given = output(rows=9), output(rows=9)
    fewer = given._replace(projection=given.projection[:6])
    assert torch.equal(build()(more, more.projection, LABELS).total, build()(fewer, fewer.projection, LABELS).total)


@pytest.mark.parametrize("labelled", [0, 1])
def test_rows_with_which_nothing_can_be_compared_leave_the_layer_alone(labelled: int) -> None:
    given = output()
    losses = build()(given._replace(logits=given.logits[:labelled]), given.projection, LABELS[:labelled])
    losses.total.backward()
    assert given.projection.grad.abs().sum() == 0


def test_channels_that_are_silent_have_a_finite_gradient() -> None:
    given = output()
    silent = torch.zeros_like(given.projection).requires_grad_()
    build()(given._replace(projection=silent), silent, LABELS).total.backward()
    assert silent.grad.isfinite().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"similarity": 1.0}, "objective.similarity=1.0: choose a number above 0 and below 1"),
        ({"similarity": 0.0}, "objective.similarity=0.0: choose a number above 0 and below 1"),
        ({"label_smoothing": 1.0}, "objective.label_smoothing=1.0: choose 0 or more and less than 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        build(**settings)


def test_losses_are_float32_under_autocast() -> None:
    given = output()
    with torch.autocast("cpu", torch.bfloat16):
        losses = build()(given._replace(projection=given.projection.bfloat16()), given.projection, LABELS)
    assert losses.total.dtype == torch.float32
    assert losses.total.item() == pytest.approx(build()(given, given.projection, LABELS).total.item(), rel=0.02)


# In a run


def predsim_stack(encoder: str = "similarity") -> LayerStack:
    torch.manual_seed(0)
    settings = {"hidden": 8} if encoder == "c" else {"grid": 2}
    return build_stack(tiny_backbone(), encoder=encoder, encoder_settings=settings, objective="predsim")


@pytest.mark.parametrize("schedule", [WaveSchedule(2, 2), SimultaneousSchedule(2)])
@pytest.mark.parametrize("encoder", ["similarity", "pool", "c"])
def test_every_layer_learns(schedule: LayerSchedule, encoder: str) -> None:
    stack = predsim_stack(encoder)
    before = tensors(stack)
    fit(schedule, stack)
    moved = differing(before, tensors(stack))
    parts = ["layer.0.weight", "sidecar"] + (["sidecar.projection.weight"] if encoder == "similarity" else [])
    named = {f"layers.{number}.{part}" for number in (0, 1) for part in parts}
    assert all(any(name.startswith(part) for name in moved) for part in named)


def test_images_of_a_class_come_to_look_alike() -> None:
    stack = predsim_stack()
    fit(WaveSchedule(1, 1), stack)
    first = stack.figures["layer_0/train/loss"]
    fit(WaveSchedule(12, 1), stack)
    assert stack.figures["layer_0/train/loss"] < first


def test_where_nothing_is_compared_the_projection_does_not_move() -> None:
    torch.manual_seed(0)
    stack = build_stack(tiny_backbone(), encoder="similarity", encoder_settings={"grid": 2}, objective="prediction")
    before = tensors(stack)
    fit(WaveSchedule(1, 1), stack)
    moved = differing(before, tensors(stack))
    assert "layers.0.sidecar.classifier.classes.weight" in moved
    assert not [name for name in moved if "projection" in name]


def test_backprop_does_without() -> None:
    stack = predsim_stack()
    before = tensors(stack)
    fit(BackpropSchedule(1), stack)
    assert not [name for name in differing(before, tensors(stack)) if "sidecar" in name]
