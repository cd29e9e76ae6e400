import pytest
import torch
from torch import Tensor, nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.supervised import SupervisedSidecarAutoencoder

SHAPE = LayerShape(inputs=(3, 8, 8), outputs=(16, 8, 8))


def build(name: str = "c", **settings: object) -> SupervisedSidecarAutoencoder:
    return SIDECARS[name](name, SHAPE, 10, depth=0, **settings)


def rows_entering(module: nn.Module) -> list[int]:
    rows: list[int] = []
    module.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    return rows


def test_layers_with_sidecar_c_have_the_published_numbers_of_parameters() -> None:
    backbone = BACKBONES["vgg_a"]("vgg_a", (3, 32, 32), 10)
    millions = []
    for index, (layer, shape) in enumerate(zip(backbone.layers, backbone.shapes(), strict=True)):
        sidecar = SIDECARS["c"]("c", shape, 10, depth=index)
        parameters = [*layer.parameters(), *sidecar.parameters()]
        millions.append(round(sum(parameter.numel() for parameter in parameters) / 1e6, 2))
    assert millions == [4.24, 4.31, 2.40, 2.55, 2.24, 2.83, 5.25, 7.61]


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_all_rows_are_rebuilt_and_the_labelled_ones_classified(name: str) -> None:
    logits, reconstruction, *_ = build(name)(torch.rand(6, *SHAPE.outputs), num_labelled=2)
    assert logits.shape == (2, 10)
    assert reconstruction.shape == (6, *SHAPE.inputs)


def test_all_rows_are_classified_where_nothing_is_said() -> None:
    assert build()(torch.rand(6, *SHAPE.outputs)).logits.shape == (6, 10)


def test_no_labelled_rows_give_no_logits() -> None:
    assert build()(torch.rand(6, *SHAPE.outputs), num_labelled=0).logits.shape == (0, 10)


def test_unlabelled_rows_skip_the_supervision() -> None:
    sidecar = build()
    rows = rows_entering(sidecar.supervision)
    sidecar(torch.rand(6, *SHAPE.outputs), num_labelled=2)
    assert rows == [2]


def test_classify_runs_without_the_decoder_and_agrees_with_forward() -> None:
    sidecar = build().eval()
    features = torch.rand(4, *SHAPE.outputs)
    logits = sidecar(features).logits
    rows = rows_entering(sidecar.autoencoder.decoder)
    assert torch.equal(sidecar.classify(features), logits)
    assert rows == []


def test_reconstruction_trains_the_encoder_and_prediction_spares_the_decoder() -> None:
    sidecar = build()
    logits, reconstruction, *_ = sidecar(torch.rand(4, *SHAPE.outputs))

    def has_gradient(loss: Tensor, module: nn.Module) -> bool:
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)

    assert has_gradient(reconstruction.square().sum(), sidecar.autoencoder.encoder)
    assert has_gradient(logits.square().sum(), sidecar.autoencoder.encoder)
    assert not has_gradient(reconstruction.square().sum(), sidecar.supervision)
    assert not has_gradient(logits.square().sum(), sidecar.autoencoder.decoder)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_memory_format_survives(name: str) -> None:
    sidecar = build(name).to(memory_format=torch.channels_last)
    features = torch.rand(4, *SHAPE.outputs).to(memory_format=torch.channels_last)
    code = sidecar.autoencoder.encoder(features)
    assert code.is_contiguous(memory_format=torch.channels_last)
    assert sidecar(features).reconstruction.is_contiguous(memory_format=torch.channels_last)


def test_memory_format_does_not_change_the_logits() -> None:
    sidecar = build().eval()
    features = torch.rand(4, *SHAPE.outputs)
    torch.testing.assert_close(
        sidecar.classify(features.to(memory_format=torch.channels_last)), sidecar.classify(features)
    )


def test_hidden_sets_the_width_of_the_supervision() -> None:
    assert build(hidden=32).supervision.classes.in_features == 32


def test_hidden_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^encoder\.hidden=0: choose 1 or more$"):
        build(hidden=0)
