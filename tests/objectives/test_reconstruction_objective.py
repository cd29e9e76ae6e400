import re

import pytest
import torch
import torch.nn.functional as F
from tiny import CLASSES, SHAPE, tiny_backbone, tiny_images
from torch import Tensor

from lwtrain.building import build_stack
from lwtrain.layer import HorizontalLayer
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.reconstruction import ReconstructionObjective
from lwtrain.sidecars.sidecar import SidecarOutput

IMAGES, LABELS = tiny_images(12).images / 255, tiny_images(12).labels


def build(depth: int = 0, **given: object) -> ReconstructionObjective:
    return OBJECTIVES["reconstruction"]("reconstruction", depth=depth, **given)


def output(rows: int = 12, labelled: int = 4) -> SidecarOutput:
    generator = torch.Generator().manual_seed(0)
    return SidecarOutput(
        torch.randn(labelled, CLASSES, generator=generator), torch.rand(rows, *SHAPE, generator=generator)
    )


def layer(encoder: str) -> HorizontalLayer:
    torch.manual_seed(0)
    part = build_stack(tiny_backbone(dropout=0.0), encoder=encoder, objective="reconstruction").layers[0]
    assert isinstance(part, HorizontalLayer)
    return part.train()


@pytest.mark.parametrize("labelled", [0, 1, 4, 12])
def test_the_total_is_the_mean_over_all_rows_alike_and_the_probe(labelled: int) -> None:
    given = output(labelled=labelled)
    losses = build()(given, IMAGES, LABELS[:labelled])
    probe = F.cross_entropy(given.logits, LABELS[:labelled]) if labelled else torch.tensor(0.0)
    torch.testing.assert_close(losses.total, F.mse_loss(given.reconstruction, IMAGES) + probe)


def test_the_terms_are_told_apart() -> None:
    given = output()
    losses = build()(given, IMAGES, LABELS[:4])
    torch.testing.assert_close(losses.reconstruction_labelled, F.mse_loss(given.reconstruction[:4], IMAGES[:4]))
    torch.testing.assert_close(losses.reconstruction_unlabelled, F.mse_loss(given.reconstruction[4:], IMAGES[4:]))
    torch.testing.assert_close(losses.prediction, F.cross_entropy(given.logits, LABELS[:4]))


def test_images_may_be_compared_by_cross_entropy_and_activations_not() -> None:
    given = output(labelled=12)
    expected = F.binary_cross_entropy(given.reconstruction, IMAGES)
    losses = build(depth=0, reconstruction="bce")(given, IMAGES, LABELS)
    torch.testing.assert_close(losses.reconstruction_labelled, expected)
    assert build(depth=1, reconstruction="bce").reconstruction == "mse"


def gradients(part: HorizontalLayer, labels: Tensor) -> dict[str, Tensor | None]:
    part.zero_grad()
    part.local_step(IMAGES, labels).losses.total.backward()
    return {name: parameter.grad for name, parameter in part.named_parameters()}


@pytest.mark.parametrize(
    ("encoder", "probe"),
    [("mirror", "sidecar.classifier"), ("strided", "sidecar.supervision"), ("dense", "sidecar.supervision")],
)
def test_labels_teach_the_probe_and_nothing_else(encoder: str, probe: str) -> None:
    torch.manual_seed(0)
    part = (
        build_stack(
            tiny_backbone(),
            encoder=encoder,
            encoder_settings={} if encoder == "mirror" else {"dropout": 0.0},
            objective="reconstruction",
        )
        .layers[0]
        .train()
    )
    with_labels, with_others = gradients(part, LABELS[:6]), gradients(part, (LABELS[:6] + 1) % CLASSES)
    for name, gradient in with_labels.items():
        assert gradient is not None, name
        assert torch.equal(gradient, with_others[name]) != name.startswith(probe), name


def test_a_layer_without_decoder_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^objective=reconstruction: needs a sidecar with a decoder"):
        layer("pool").local_step(IMAGES, LABELS)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"reconstruction": "mae"}, "objective.reconstruction=mae: did you mean 'mse'? Choices: mse, bce"),
        ({"label_smoothing": 1.0}, "objective.label_smoothing=1.0: choose 0 or more and less than 1"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(**setting)
