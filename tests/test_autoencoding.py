import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny import CLASSES, SHAPE, differing, fit, tensors, tiny_autoencoder, tiny_backbone, tiny_data, tiny_images
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, WaveSchedule
from lwtrain.autoencoding import can_decode, decode, encode, reconstruct
from lwtrain.backbones import BACKBONES
from lwtrain.building import build_stack
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.config.loading import load_config
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.from_config import build_data
from lwtrain.optimizers import OptimizerFactory
from lwtrain.schedules import Together
from lwtrain.stack import LayerStack
from lwtrain.training import train

BYTES, LABELS = tiny_images(12).images, tiny_images(12).labels


def plain_autoencoder(stack: LayerStack) -> nn.Sequential:
    """The same weights in torch's own modules."""
    first, second, third, _ = stack.layers
    return nn.Sequential(
        first.layer.conv, nn.ReLU(), second.layer.conv, nn.ReLU(), nn.Flatten(), third.layer.code,
        third.sidecar.decoder.linear, nn.ReLU(), nn.Unflatten(1, (6, 2, 2)),
        second.sidecar.decoder.conv, nn.ReLU(), first.sidecar.decoder.conv, nn.Sigmoid(),
    )  # fmt: skip


# As the exercise states it


def test_the_published_autoencoder_gives_images_of_its_inputs_size_and_range() -> None:
    backbone = BACKBONES["conv_autoencoder"]("conv_autoencoder", (1, 28, 28), 10, channels=[32, 32], code=10)
    stack = build_stack(backbone, encoder="mirror", objective="reconstruction")
    images = torch.rand(4, 1, 28, 28)
    codes = encode(stack, images)
    assert codes.shape == (4, 10, 1, 1)
    rebuilt = decode(stack, codes)
    assert rebuilt.shape == images.shape
    assert 0 <= rebuilt.min() < rebuilt.max() <= 1
    assert torch.equal(rebuilt, reconstruct(stack, images))


@pytest.mark.parametrize("size", [1, 5, 27, 28, 33])
def test_images_of_any_size_come_back(size: int) -> None:
    backbone = BACKBONES["conv_autoencoder"]("conv_autoencoder", (3, size, size + 1), 10, channels=[2, 2], code=4)
    stack = build_stack(backbone, encoder="mirror", objective="reconstruction")
    assert reconstruct(stack, torch.rand(2, 3, size, size + 1)).shape == (2, 3, size, size + 1)


def test_bytes_and_floats_mean_the_same_image() -> None:
    stack = tiny_autoencoder().eval()
    assert torch.equal(reconstruct(stack, BYTES), reconstruct(stack, BYTES.float() / 255))


# End to end


def test_end_to_end_the_loss_is_that_of_a_plain_autoencoder() -> None:
    stack = tiny_autoencoder()
    stack.activate(Together.BACKPROP)
    images = BYTES / 255
    step = stack.end_to_end_step(images, LABELS[:5])
    plain = plain_autoencoder(stack)
    error = F.mse_loss(plain(images), images)
    probe = F.cross_entropy(stack(images[:5]), LABELS[:5])
    torch.testing.assert_close(step.losses.total, error + probe)
    taught = [parameter for parameter in stack.parameters() if parameter.requires_grad]
    ours = torch.autograd.grad(step.losses.total, taught)
    theirs = dict(zip(map(id, plain.parameters()), torch.autograd.grad(error, list(plain.parameters())), strict=True))
    head = {id(parameter) for parameter in stack.layers[-1].parameters()}
    assert {id(parameter) for parameter in taught} == theirs.keys() | head
    for parameter, gradient in zip(taught, ours, strict=True):
        if id(parameter) not in head:
            torch.testing.assert_close(gradient, theirs[id(parameter)])


def test_end_to_end_the_sidecars_classifiers_rest() -> None:
    stack = tiny_autoencoder()
    before = tensors(stack.layers)
    fit(BackpropSchedule(1), stack)
    moved = set(differing(tensors(stack.layers), before))
    assert moved == {name for name in before if "sidecar.classifier" not in name}


def test_end_to_end_unlabelled_images_teach_too() -> None:
    seen: list[int] = []
    stack = tiny_autoencoder()
    stack.layers[0].layer.register_forward_pre_hook(
        lambda _, inputs: seen.append(len(inputs[0])) if torch.is_grad_enabled() else None
    )
    fit(BackpropSchedule(1), stack)
    assert seen == [12] * 4


def test_labels_do_not_change_the_autoencoder() -> None:
    stacks = []
    for shift in (0, 1):
        data = tiny_data(labels="all")
        data.train.labels.add_(shift).remainder_(CLASSES)
        stacks.append(fit(BackpropSchedule(1), tiny_autoencoder(optimizer=OptimizerFactory("sgd", lr=0.5)), data))
    one, other = map(tensors, (stack.layers for stack in stacks))
    assert {name for name in differing(one, other) if not name.startswith("3.")} == set()
    assert {name.split(".")[0] for name in differing(one, other)} == {"3"}


def test_slices_of_a_batch_give_the_batchs_gradient() -> None:
    stacks = [fit(BackpropSchedule(1), tiny_autoencoder(optimizer=OptimizerFactory("sgd", lr=0.5), micro_batch=size))
              for size in (None, 4)]  # fmt: skip
    for whole, sliced in zip(*(tensors(stack.layers).values() for stack in stacks), strict=True):
        torch.testing.assert_close(whole, sliced)  # float32: sums in another order


def test_a_compiled_step_is_the_same_step() -> None:
    plain, compiled = tiny_autoencoder(), tiny_autoencoder()
    fit(BackpropSchedule(1), plain)
    fit(BackpropSchedule(1), compiled, callbacks=[CompiledSteps(backend="eager")])
    for one, other in zip(tensors(plain.layers).values(), tensors(compiled.layers).values(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("encoder", "settings"), [("c", {"hidden": 8}), ("dense", {"hidden": 8}), ("mirror", {})])
def test_there_is_no_way_back_through_a_bottleneck_or_a_map(encoder: str, settings: dict[str, int]) -> None:
    stack = build_stack(tiny_backbone(), encoder=encoder, encoder_settings=settings, objective="reconstruction")
    assert not can_decode(stack)
    with pytest.raises(ValueError, match=r"^layer_0: .* encoder=mirror with map=none$"):
        stack.activate(Together.BACKPROP)


# Layer by layer


def plain_colours() -> SemiSupervisedDataModule:
    """Images of one colour each, drawn at random: three numbers say all there is."""
    colours = torch.randint(0, 256, (256, 3, 1, 1), generator=torch.Generator().manual_seed(0))
    images = colours.expand(256, *SHAPE).to(torch.uint8).contiguous()
    return SemiSupervisedDataModule(Split(images, torch.arange(256) % CLASSES), validation=0.25, batch_size=8)


def chain_error(stack: LayerStack, images: Tensor) -> float:
    with torch.no_grad():
        return F.mse_loss(reconstruct(stack.eval(), images), images / 255).item()


@pytest.mark.parametrize("schedule", [BackpropSchedule(9), WaveSchedule(6, waves=2)], ids=["backprop", "wave"])
def test_images_are_learned_end_to_end_and_layer_by_layer(schedule: LayerSchedule) -> None:
    data, optimizer = plain_colours(), OptimizerFactory("adam", lr=1e-2)
    stack = tiny_autoencoder(channels=[8, 8], code=4, optimizer=optimizer)
    fit(schedule, stack, data)
    held_out = data.train.images[data.held_out]
    always_the_same = (held_out / 255).var(dim=0).mean().item()
    assert chain_error(stack, held_out) < 0.5 * always_the_same


# The command


@pytest.mark.parametrize("experiment", ["conv_autoencoder", "conv_autoencoder_layerwise"])
def test_a_run_leaves_an_error_far_below_that_of_the_mean_image(experiment: str, tmp_path: Path) -> None:
    words = [
        f"experiment={experiment}", "dataset=fashion_mini", "dataset.image_size=28", "dataset.classes=[Trouser,Bag]",
        "model.channels=[8,8]", "schedule.epochs=1", "optimizer.lr=1e-2", "optimizer.course=constant", "batch_size=16",
        "validation=0.05", "trainer.accelerator=cpu", "precision=32", "progress=none", "logger.tensorboard=false",
    ]  # fmt: skip
    config = load_config(words)
    metrics = train(config, tmp_path)
    data = build_data(config)
    always_the_same = (data.train.images[data.held_out] / 255).var(dim=0, correction=0).mean().item()
    assert metrics["val/reconstruction"] < 0.6 * always_the_same
    assert json.loads((tmp_path / "metrics.json").read_text())["val/reconstruction"] == metrics["val/reconstruction"]
