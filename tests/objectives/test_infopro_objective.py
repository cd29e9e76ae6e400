import re

import pytest
import torch
from tiny import CLASSES, differing, fit, tensors, tiny_backbone, tiny_data, tiny_images
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, LayerStack, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.callbacks.pictures import reconstruction_pictures
from lwtrain.layer import HorizontalLayer
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.infopro import InfoProObjective
from lwtrain.objectives.infopro_weights import layer_weight
from lwtrain.sidecars.sidecar import SidecarOutput

IMAGES = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0])  # of the first four


def build(depth: int = 0, num_layers: int = 1, **settings: object) -> InfoProObjective:
    objective = OBJECTIVES["infopro"]("infopro", depth=depth, **settings)
    assert isinstance(objective, InfoProObjective)
    objective.take_place(num_layers)
    return objective


def output() -> SidecarOutput:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(len(LABELS), CLASSES, generator=generator, requires_grad=True)
    return SidecarOutput(logits, torch.rand(IMAGES.shape, generator=generator).requires_grad_())


def cross_entropies(given: SidecarOutput) -> tuple[Tensor, Tensor]:
    """Of the images and of the labels, written out."""
    x, y = IMAGES.double(), given.reconstruction.double()
    image = -(x * y.log() + (1 - x) * (1 - y).log()).mean()
    label = -given.logits.double().log_softmax(dim=1)[torch.arange(len(LABELS)), LABELS].mean()
    return image, label


def test_the_loss_is_that_of_the_formula_over_all_rows() -> None:
    given = output()
    losses = build(reconstruction_weight=5, prediction_weight=0.5)(given, IMAGES, LABELS)
    image, label = cross_entropies(given)
    assert losses.total.item() == pytest.approx((5 * image + 0.5 * label).item(), rel=1e-6)
    assert losses.prediction.item() == pytest.approx(label.item(), rel=1e-6)
    shares = 4 / 6 * losses.reconstruction_labelled + 2 / 6 * losses.reconstruction_unlabelled
    assert shares.item() == pytest.approx(image.item(), rel=1e-6)


@pytest.mark.parametrize(("num_layers", "weights"), [(1, [5]), (2, [5, 1]), (3, [5, 3, 1]), (5, [5, 4, 3, 2, 1])])
def test_weights_lie_on_a_line_from_the_first_layer_to_the_last(num_layers: int, weights: list[float]) -> None:
    assert [layer_weight([5.0, 1.0], depth, num_layers) for depth in range(num_layers)] == weights
    objectives = [build(depth, num_layers, reconstruction_weight=[5.0, 1.0]) for depth in range(num_layers)]
    assert [objective.reconstruction_weight for objective in objectives] == weights
    assert {layer_weight(2, depth, num_layers) for depth in range(num_layers)} == {2.0}


def test_the_published_weights_of_four_modules_come_out() -> None:
    """Of ResNet-110: from 1 and 0 to 0 and 1; the code counts modules up to the last but one."""
    three = [build(depth, 3, reconstruction_weight=[1, 0], prediction_weight=[0, 1]) for depth in range(3)]
    assert [(each.reconstruction_weight, each.prediction_weight) for each in three] == [(1, 0), (0.5, 0.5), (0, 1)]
    assert [each.rebuilds for each in three] == [each.rebuilds_unlabelled for each in three] == [True, True, False]
    assert [each.probes for each in three] == [True, False, False]


def test_a_stack_tells_its_objectives_how_many_layers_there_are() -> None:
    parts = horizontals(infopro_stack(reconstruction_weight=[4, 2], prediction_weight=[0, 1]))
    assert [part.objective.reconstruction_weight for part in parts] == [4, 2]
    assert [part.objective.prediction_weight for part in parts] == [0, 1]


def test_a_classifier_without_weight_is_taught_in_full() -> None:
    given = output()
    losses = build(reconstruction_weight=2, prediction_weight=0)(given, IMAGES, LABELS)
    image, label = cross_entropies(given)
    assert losses.total.item() == pytest.approx((2 * image + label).item(), rel=1e-6)


def test_without_weight_nothing_is_rebuilt() -> None:
    given = output()._replace(reconstruction=None)
    losses = build(reconstruction_weight=0, prediction_weight=2)(given, IMAGES, LABELS)
    assert losses.total.item() == pytest.approx(2 * losses.prediction.item())
    assert losses.reconstruction_labelled is losses.reconstruction_unlabelled is None


def test_a_batch_without_labels_teaches_the_reconstruction() -> None:
    given = output()._replace(logits=torch.zeros(0, CLASSES))
    losses = build(reconstruction_weight=2)(given, IMAGES, LABELS[:0])
    assert losses.total.item() == pytest.approx(2 * losses.reconstruction_unlabelled.item())
    assert losses.prediction is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"reconstruction_weight": -1},
            "objective.reconstruction_weight=-1: choose a number of at least 0, or two: the",
        ),
        (
            {"prediction_weight": [1]},
            "objective.prediction_weight=[1]: choose a number of at least 0, or two: the first",
        ),
        ({"prediction_weight": []}, "objective.prediction_weight=[]: choose a number of at least 0, or two"),
        (
            {"reconstruction_weight": [1, 2, 3]},
            "objective.reconstruction_weight=[1,2,3]: choose a number of at least 0",
        ),
        ({"label_smoothing": 1.0}, "objective.label_smoothing=1.0: choose 0 or more and less than 1"),
        (
            {"reconstruction_weight": 0, "prediction_weight": 0},
            "objective.reconstruction_weight=0: layer 0 would learn nothing; let it or objective.prediction_weight be",
        ),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        build(**settings)


def test_a_last_layer_that_nothing_teaches_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reconstruction_weight=\[5,0\]: layer 1 would learn nothing"):
        infopro_stack(reconstruction_weight=[5, 0], prediction_weight=[1, 0])


@pytest.mark.parametrize("encoder", ["c", "pool"])
def test_sidecars_that_rebuild_no_images_are_refused(encoder: str) -> None:
    with pytest.raises(ValueError, match="rebuilds the network's images; choose encoder=infopro"):
        build_stack(tiny_backbone(), encoder=encoder, objective="infopro")


def test_losses_are_float32_under_autocast() -> None:
    given = output()
    with torch.autocast("cpu", torch.bfloat16):
        losses = build()(given._replace(logits=given.logits.bfloat16()), IMAGES, LABELS)
    assert losses.total.dtype == torch.float32


# In a run


def infopro_stack(**settings: object) -> LayerStack:
    torch.manual_seed(0)
    given = {"encoder": "infopro", "encoder_settings": {"channels": 4, "hidden": 8}}
    stack = build_stack(tiny_backbone(), objective="infopro", objective_settings=settings, **given)
    return stack.to(memory_format=torch.channels_last)


def horizontals(stack: LayerStack) -> list[HorizontalLayer]:
    return [part for part in stack.layers if isinstance(part, HorizontalLayer)]


@pytest.mark.parametrize("schedule", [SequentialSchedule(2), WaveSchedule(2, 2), SimultaneousSchedule(2)])
def test_every_layer_learns_with_its_sidecar(schedule: LayerSchedule) -> None:
    stack = infopro_stack()
    before = tensors(stack.layers)
    fit(schedule, stack)
    still = set(before) - set(differing(before, tensors(stack.layers)))
    assert still == set()


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
@pytest.mark.parametrize("number", [0, 1])
def test_each_layer_rebuilds_the_images_that_entered_the_network(
    number: int, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor]] = []
    losses = InfoProObjective.losses

    def watched(self: InfoProObjective, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> object:
        seen.append((inputs, labels)) if self._depth == number else None
        return losses(self, output, inputs, labels)

    monkeypatch.setattr(InfoProObjective, "losses", watched)
    fit(WaveSchedule(1, 1, front=front), infopro_stack(), tiny_data(labels="all"))
    originals, known = tiny_images().images.float() / 255, tiny_images().labels
    assert len(seen) == 3
    for inputs, labels in seen:
        assert inputs.shape[1:] == (3, 8, 8)
        assert not inputs.requires_grad
        for image, label in zip(inputs, labels, strict=True):
            same = (originals - image).abs().amax(dim=(1, 2, 3)) < 1e-2
            assert known[same].tolist() == [label]


def test_unlabelled_images_teach_the_reconstruction_alone() -> None:
    """Half of a batch is unlabelled; without weight for the prediction the layer learns from nothing but images."""
    parts = [horizontals(infopro_stack(prediction_weight=weight))[0] for weight in (0, 1)]
    batch = torch.rand(8, 3, 8, 8)
    for part, touched in zip(parts, (False, True), strict=True):
        gradients = []
        for labels in (torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 1])):
            part.zero_grad()
            torch.manual_seed(0)
            part.local_step(batch, labels).losses.total.backward()
            gradients.append(part.layer[0].weight.grad.clone())
        assert torch.equal(*gradients) != touched
        batch_rebuilt = part.sidecar(part.layer(batch), num_labelled=4)
        assert (len(batch_rebuilt.logits), len(batch_rebuilt.reconstruction)) == (4, 8)


def test_layers_come_to_rebuild_images() -> None:
    stack = infopro_stack()
    fit(WaveSchedule(1, 1), stack)
    first = stack.figures["layer_1/train/loss"]
    fit(WaveSchedule(12, 1), stack)
    assert stack.figures["layer_1/train/loss"] < first


def test_decoders_that_nothing_looks_at_do_not_move() -> None:
    stack = infopro_stack(reconstruction_weight=[1, 0], prediction_weight=1)
    before = tensors(stack)
    fit(SimultaneousSchedule(1), stack)
    moved = differing(before, tensors(stack))
    assert any(name.startswith("layers.0.sidecar.decoder") for name in moved)
    assert not any(name.startswith("layers.1.sidecar.decoder") for name in moved)


def test_slices_add_up_where_nothing_depends_on_the_batch() -> None:
    """Batch norm aside, which is in eval mode here."""
    gradients = []
    for micro_batch in (None, 4):
        part = horizontals(infopro_stack())[0].eval()
        images, labels = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8) % CLASSES
        slices = [slice(0, 8)] if micro_batch is None else [slice(0, 4), slice(4, 8)]
        for rows in slices:
            (part.local_step(images[rows], labels[rows]).losses.total / len(slices)).backward()
        gradients.append(part.layer[0].weight.grad)
    torch.testing.assert_close(*gradients)


def test_backprop_does_without() -> None:
    stack = infopro_stack()
    before = tensors(stack)
    fit(BackpropSchedule(1), stack)
    assert not [name for name in differing(before, tensors(stack)) if "sidecar" in name]


@pytest.mark.parametrize("objective", ["by_task", "reconstruction", "prediction", "hsic", "predsim"])
def test_other_objectives_take_its_sidecar(objective: str) -> None:
    torch.manual_seed(0)
    stack = build_stack(tiny_backbone(), encoder="infopro", objective=objective)
    before = tensors(stack)
    fit(WaveSchedule(1, 1), stack)
    moved = differing(before, tensors(stack))
    assert "layers.1.sidecar.classifier.classes.weight" in moved
    assert ("layers.1.sidecar.decoder.image.weight" in moved) == (objective in ("by_task", "reconstruction"))


def test_pictures_show_the_image_beside_every_layer() -> None:
    stack = fit(SimultaneousSchedule(1), infopro_stack())
    stack.activate(stack.learners[-1])
    images = tiny_images(4).images
    stack.learners = [0, 1]
    shown = reconstruction_pictures(stack, images)
    assert set(shown) == {"layer_0/reconstruction", "layer_1/reconstruction"}
    originals = [picture[:, : picture.shape[1] // 2] for picture in shown.values()]
    torch.testing.assert_close(*originals)
