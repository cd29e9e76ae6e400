import pytest
import torch
import torch.nn.functional as F
from tiny import CLASSES, differing, tensors, tiny_images, tiny_stack, tiny_trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.local_module import LocalModule
from lwtrain.objectives.balanced import BalancedObjective

IMAGES, LABELS = tiny_images(12).images / 255, tiny_images(12).labels


def horizontal(**settings: object) -> HorizontalLayer:
    layer = tiny_stack(dropout=0.0, **settings).layers[0]
    assert isinstance(layer, HorizontalLayer)
    return layer


def head(label_smoothing: float = 0.0) -> LinearHead:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, CLASSES))
    return LinearHead(classifier, CLASSES, label_smoothing, lr=1e-2)


def images_of_the_first(layer: nn.Module) -> list[int]:
    """How many rows enter a module at each of its calls."""
    rows: list[int] = []
    layer.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    return rows


def test_a_layer_passes_on_the_backbones_part_alone() -> None:
    layer = horizontal().eval()
    seen = images_of_the_first(layer.sidecar)
    assert torch.equal(layer(IMAGES), F.max_pool2d(layer.layer(IMAGES), 2))
    assert not seen


def test_opinion_and_output_come_from_one_pass() -> None:
    layer = horizontal().eval()
    seen = images_of_the_first(layer.layer)
    logits, outputs = layer.pass_on(IMAGES)
    assert seen == [12]
    assert torch.equal(logits, layer.classify(IMAGES))
    assert torch.equal(outputs, layer(IMAGES))


def test_a_layers_loss_is_its_objectives() -> None:
    layer = horizontal(alpha=0.25).train()
    losses, logits, _ = layer.local_step(IMAGES, LABELS[:4])
    features = layer.layer(IMAGES)
    code = layer.sidecar.autoencoder.encoder(features)
    rebuilt = layer.sidecar.autoencoder.decode(code)
    prediction = F.cross_entropy(layer.sidecar.supervision(code[:4]), LABELS[:4])
    labelled, unlabelled = F.mse_loss(rebuilt[:4], IMAGES[:4]), F.mse_loss(rebuilt[4:], IMAGES[4:])
    torch.testing.assert_close(losses.prediction, prediction)
    torch.testing.assert_close(losses.reconstruction_labelled, labelled)
    torch.testing.assert_close(losses.reconstruction_unlabelled, unlabelled)
    torch.testing.assert_close(losses.total, 0.75 * (labelled + unlabelled) + 0.25 * prediction)
    assert logits.shape == (4, CLASSES)


def test_labelled_and_unlabelled_rows_pass_a_layer_together_once() -> None:
    layer = horizontal()
    seen = images_of_the_first(layer.layer)
    layer.local_step(IMAGES, LABELS[:4])
    assert seen == [12]


@pytest.mark.parametrize(
    ("objective", "alpha", "encoded", "decoded"),
    [
        ("by_task", 0.5, [12], [12]),
        ("by_task", 1, [4], []),
        ("by_task_labelled", 1, [4], []),
        ("by_supervision", 0.5, [12], [12]),
        ("by_supervision", 1, [4], [4]),
    ],
)
def test_no_row_is_encoded_or_rebuilt_whose_loss_weighs_nothing(
    objective: str, alpha: float, encoded: list[int], decoded: list[int]
) -> None:
    layer = horizontal(objective=objective, alpha=alpha).train()
    autoencoder = layer.sidecar.autoencoder
    seen, rebuilt = images_of_the_first(autoencoder.encoder), images_of_the_first(autoencoder.decoder)
    step = layer.local_step(IMAGES, LABELS[:4], carry=True)
    assert (seen, rebuilt) == (encoded, decoded)
    assert step.logits.shape == (4, CLASSES)
    assert len(step.outputs) == 12  # the layer above may want them all


def test_with_all_weight_on_the_prediction_a_layer_learns_as_from_the_prediction_alone() -> None:
    weighed, alone = horizontal(alpha=1).train(), horizontal(objective="prediction").train()
    for layer in (weighed, alone):
        layer.local_step(IMAGES, LABELS[:4]).losses.total.backward()
    assert torch.equal(weighed.layer[0].weight.grad, alone.layer[0].weight.grad)
    assert {parameter.grad for parameter in weighed.sidecar.autoencoder.decoder.parameters()} == {None}
    assert {id(parameter) for parameter in weighed.idle_parameters()} == {
        id(parameter) for parameter in weighed.sidecar.autoencoder.decoder.parameters()
    }


def test_with_all_weight_on_labels_a_layers_loss_is_that_of_the_labelled_rows() -> None:
    layer = horizontal(objective="by_supervision", alpha=1).train()
    losses = layer.local_step(IMAGES, LABELS[:4]).losses
    code = layer.sidecar.autoencoder.encoder(layer.layer(IMAGES)[:4])
    reconstruction = F.mse_loss(layer.sidecar.autoencoder.decode(code), IMAGES[:4])
    prediction = F.cross_entropy(layer.sidecar.supervision(code), LABELS[:4])
    torch.testing.assert_close(losses.total, reconstruction + prediction)


def test_unlabelled_rows_pass_the_head_by() -> None:
    part = head()
    seen = images_of_the_first(part.classifier)
    losses, logits, _ = part.local_step(IMAGES, LABELS[:4])
    assert seen == [4]
    torch.testing.assert_close(losses.total, F.cross_entropy(part.classifier(IMAGES[:4]), LABELS[:4]))
    assert torch.equal(logits, part(IMAGES[:4]))


def test_the_head_smooths_its_labels() -> None:
    part = head(label_smoothing=0.2)
    expected = F.cross_entropy(part.classifier(IMAGES), LABELS, label_smoothing=0.2)
    torch.testing.assert_close(part.local_step(IMAGES, LABELS).losses.total, expected)


def test_what_comes_after_the_head_are_its_logits() -> None:
    part = head()
    for given in (*part.pass_on(IMAGES), part.classify(IMAGES), part(IMAGES)):
        assert torch.equal(given, part.classifier(IMAGES))


def alone(part: LocalModule, images: Tensor) -> LocalModule:
    loader = DataLoader(TensorDataset(images, tiny_images().labels), batch_size=16)
    tiny_trainer(max_epochs=12).fit(part, loader, loader)
    return part


@pytest.mark.parametrize("make", [horizontal, head])
@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_part_trains_alone_under_any_trainer(make: type[LocalModule], as_bytes: bool) -> None:
    images = tiny_images().images
    part = make()
    part.lr = 1e-2
    before = tensors(part)
    alone(part, images if as_bytes else images / 255)
    assert set(differing(tensors(part), before)) == set(before) - {"objective.alpha.regulariser"}
    assert part.trainer.callback_metrics["val/accuracy"] > 0.6
    assert part.trainer.callback_metrics["train/accuracy"] > 0.6


def test_a_part_alone_may_have_unlabelled_rows() -> None:
    part = horizontal()
    half_labelled, all_labelled = ([(IMAGES, labels)] * 3 for labels in (LABELS[:6], LABELS))
    loaders = (DataLoader(batches, batch_size=None) for batches in (half_labelled, all_labelled))
    tiny_trainer(max_epochs=2).fit(part, *loaders)
    assert isinstance(part.objective, BalancedObjective)
    assert part.objective.alpha.x != 0  # learned with the rest
