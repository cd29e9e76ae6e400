import re

import pytest
import torch
from tiny import CLASSES, SHAPE, tiny_backbone
from torch import nn

from lwtrain.building import build_backbone, build_stack
from lwtrain.objectives.balanced import BalancedObjective
from lwtrain.objectives.prediction import PredictionObjective
from lwtrain.optimizers import OptimizerFactory
from lwtrain.sidecars.pool import PoolSidecar
from lwtrain.sidecars.supervised import SupervisedSidecarAutoencoder


def test_every_layer_gets_a_sidecar_of_its_shape() -> None:
    stack = build_stack(tiny_backbone(), encoder="b", encoder_settings={"hidden": 8, "dropout": 0.25})
    for part, channels, positions in zip(stack.layers[:2], (4, 6), (4, 2), strict=True):
        assert isinstance(part.sidecar, SupervisedSidecarAutoencoder)
        assert part.sidecar.autoencoder.bottleneck == (2 * channels, positions, positions)
        assert part.sidecar.supervision.hidden.out_features == 8
        assert {module.p for module in part.sidecar.modules() if isinstance(module, nn.Dropout | nn.Dropout2d)} == {
            0.25
        }


def test_only_the_first_layer_rebuilds_images() -> None:
    stack = build_stack(tiny_backbone(), objective_settings={"reconstruction": "bce", "alpha": 0.3})
    assert [part.sidecar.autoencoder.output for part in stack.layers[:2]] == ["sigmoid", "linear"]
    assert [part.objective.reconstruction for part in stack.layers[:2]] == ["bce", "mse"]
    assert [part.objective.alpha().value.item() for part in stack.layers[:2]] == pytest.approx([0.3, 0.3])


def test_every_layer_learns_an_alpha_of_its_own() -> None:
    first, second, _ = build_stack(tiny_backbone(), objective_settings={"alpha": "learned"}).layers
    assert isinstance(first.objective, BalancedObjective)
    assert first.objective.alpha.x is not second.objective.alpha.x


def test_labels_are_smoothed_for_layers_and_head_alike() -> None:
    smoothing = {"label_smoothing": 0.2}
    stack = build_stack(tiny_backbone(), encoder="pool", objective="prediction", objective_settings=smoothing)
    assert isinstance(stack.layers[0].sidecar, PoolSidecar)
    assert isinstance(stack.layers[0].objective, PredictionObjective)
    assert [part.objective.label_smoothing for part in stack.layers[:2]] == [0.2, 0.2]
    assert stack.layers[2].label_smoothing == 0.2


def test_the_stack_is_the_backbone() -> None:
    backbone = tiny_backbone()
    plain = nn.Sequential(*(piece for pair in zip(backbone.layers, backbone.maps, strict=True) for piece in pair))
    stack = build_stack(backbone).eval()
    images = torch.rand(5, *SHAPE)
    torch.testing.assert_close(stack(images), backbone.head.eval()(plain.eval()(images)))
    assert stack.num_classes == CLASSES


def test_the_optimizer_is_the_one_asked_for() -> None:
    stack = build_stack(tiny_backbone(), optimizer=OptimizerFactory("sgd", lr=[0.3, 0.2, 0.1]))
    optimizer = stack.configure_optimizers()
    assert isinstance(optimizer, torch.optim.SGD)
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "d"}, "encoder=d: .*Choices: a, b, c, conv, dense, infopro, mirror, pool"),
        ({"objective": "by_tasks"}, "objective=by_tasks: did you mean 'by_task'?"),
        ({"objective_settings": {"alpha": 1.5}}, r"objective\.alpha=1\.5"),
        ({"encoder_settings": {"dropout": 1.0}}, r"encoder\.dropout=1\.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_stack(tiny_backbone(), **settings)


def test_widths_that_cannot_share_a_layers_channels_are_refused_before_anything_is_trained() -> None:
    message = "objective.sigma=[1.0, 2.0, 3.0, 4.0]: 4 branches; choose a divisor of the 6 channels of layer_1's output"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        build_stack(tiny_backbone(), encoder="pool", objective="hsic", objective_settings={"sigma": [1, 2, 3, 4.0]})


def test_an_objective_of_ones_own_is_made_for_each_layer() -> None:
    depths = []

    class Own(PredictionObjective):
        def __init__(self, depth: int, label_smoothing: float) -> None:
            super().__init__(label_smoothing=label_smoothing)
            depths.append(depth)

    stack = build_stack(tiny_backbone(), objective=Own, objective_settings={"label_smoothing": 0.25})
    assert depths == [0, 1]
    assert [part.objective.label_smoothing for part in stack.layers[:2]] == [0.25, 0.25]
    assert all(isinstance(part.objective, Own) for part in stack.layers[:2])


def test_a_backbone_is_built_by_its_name() -> None:
    backbone = build_backbone("vgg8b", (1, 28, 28), num_classes=7, width=0.125)
    assert (backbone.name, backbone.input_shape, backbone.num_classes) == ("vgg8b", (1, 28, 28), 7)
    with pytest.raises(ValueError, match="model=vgg8: did you mean 'vgg8b'"):
        build_backbone("vgg8", (1, 28, 28), num_classes=7)
