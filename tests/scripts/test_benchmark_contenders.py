"""The ways to train that the benchmark compares: that each does what it is said to do."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarking.augmenting import one_by_one
from benchmarking.checkpointing import Checkpointed, checkpointed, root_segments
from benchmarking.images import SHAPE, make_images
from benchmarking.measuring import enter, operations_per_image
from benchmarking.networks import lwtrain_backbone, plain_network
from benchmarking.plain_torch import PlainBackprop
from benchmarking.published import Published
from benchmarking.row import Method, Row
from benchmarking.with_lwtrain import Lwtrain

WIDTH = 1 / 16
BATCHES = 2


def row(method: Method, encoder: str | None = None, front: str | None = None, network: str = "plain_2") -> Row:
    return Row("test", "tiny", network, method, encoder, front, precision="fp32", batch_size=10, width=WIDTH)


def parameters(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def test_the_published_layers_have_the_published_numbers_of_parameters() -> None:
    """Millions in layer and sidecar together, first to last, and in the whole VGG, as the report states them."""
    published = Published(Row("test", "a", "vgg_a", "published", "c"), SHAPE)
    counts = [sum(value.numel() for value in layer.parameters()) / 1e6 for layer in published.layers]
    assert counts == pytest.approx([4.24, 4.31, 2.40, 2.55, 2.24, 2.83, 5.25, 7.61], abs=0.0051)
    backbone = [*(layer.block for layer in published.layers), published.head]
    whole = sum(value.numel() for part in backbone for value in part.parameters())
    assert whole / 1e6 == pytest.approx(13.09, abs=0.0051)


def test_published_training_runs_the_layers_below_for_every_batch_and_twice() -> None:
    published = Published(row("published", "c", network="plain_3"), SHAPE)
    passes: Counter[int] = Counter()
    for number, layer in enumerate(published.layers):
        layer.block.register_forward_hook(
            lambda module, inputs, output, number=number: passes.update({number: len(output) == 5})
        )
    published.train(make_images(10 * BATCHES, seed=0, data_dir=None))
    halves = 2 * BATCHES
    # Its own visit, then that of each layer above; the head's visit passes whole batches, not counted here.
    assert passes == {0: 3 * halves, 1: 2 * halves, 2: halves}


def test_published_training_leaves_the_batch_norm_below_live_but_not_the_weights() -> None:
    published = Published(row("published", "c"), SHAPE)
    images = make_images(10, seed=0, data_dir=None)
    weights, statistics = parameters(published.layers[0]), published.layers[0].block[1].running_mean.clone()
    published._step(1, published._loss_of_layer(1, images.images.float() / 255, images.labels))
    assert all(torch.equal(value, weights[name]) for name, value in published.layers[0].named_parameters())
    assert not torch.equal(statistics, published.layers[0].block[1].running_mean)


@pytest.mark.parametrize("network", ["plain_2", "vgg11"])
def test_plain_torch_trains_the_network_that_lwtrain_trains(network: str) -> None:
    plain, backbone = plain_network(network, WIDTH, SHAPE), lwtrain_backbone(network, WIDTH, SHAPE)
    whole = nn.Sequential(
        *(part for pair in zip(backbone.layers, backbone.maps, strict=True) for part in pair), backbone.head
    )
    assert [value.shape for value in plain.parameters()] == [value.shape for value in whole.parameters()]
    whole.load_state_dict(dict(zip(whole.state_dict(), plain.state_dict().values(), strict=True)))
    images = torch.rand(4, *SHAPE)
    torch.testing.assert_close(plain.eval()(images), whole.eval()(images))


@pytest.mark.parametrize(
    ("method", "encoder", "front"),
    [
        ("published", "c", None),
        ("backprop", None, None),
        ("lwtrain-backprop", None, None),
        ("checkpointing", None, None),
        ("segment-checkpointing", None, None),
        ("wave", "c", "memory"),
        ("wave", "pool", "disk"),
        ("simultaneous", "pool", "recompute"),
    ],
)
def test_every_contender_trains_all_its_layers(
    method: Method, encoder: str | None, front: str | None, tmp_path: Path
) -> None:
    contender = enter(row(method, encoder, front), SHAPE, tmp_path)
    network = getattr(contender, "stack", None) or getattr(contender, "network", None)
    modules = network or nn.ModuleList([*contender.layers, contender.head])
    before = parameters(modules)
    seconds = contender.train(make_images(10 * BATCHES, seed=0, data_dir=None))
    trained = {name for name, value in modules.named_parameters() if not torch.equal(value, before[name])}
    untrained = {name for name in before if name not in trained}
    assert seconds > 0
    assert contender.num_layers == 3
    assert trained
    # End to end, sidecars rest; a convolution's bias is undone by the batch norm behind it.
    assert all("sidecar" in name or name.endswith("bias") for name in untrained)
    assert any("sidecar" in name for name in untrained) == (method in BACKPROP_WITH_LWTRAIN)


BACKPROP_WITH_LWTRAIN = ("lwtrain-backprop", "checkpointing", "segment-checkpointing")


def test_checkpointing_gives_the_same_gradients() -> None:
    torch.manual_seed(0)
    kept = lwtrain_backbone("plain_4", WIDTH, SHAPE)
    cut = checkpointed(kept, segments=2)
    assert [len(layer) for layer in cut.layers] == [4, 4]  # two layers each, with their maps
    inputs = torch.rand(5, *SHAPE)
    gradients = []
    for backbone in (kept, cut):
        outputs = nn.Sequential(*backbone.layers)(inputs)
        gradients.append(torch.autograd.grad(outputs.square().sum(), list(kept.layers[0].parameters())))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_checkpointed_layers_run_twice_in_training(tmp_path: Path) -> None:
    contender = Lwtrain(row("checkpointing"), SHAPE, tmp_path)
    passes: Counter[str] = Counter()
    wrapped = [module for module in contender.stack.modules() if isinstance(module, Checkpointed)]
    assert len(wrapped) == 2
    for module in wrapped:
        module[0].register_forward_pre_hook(lambda *_: passes.update(["pass"]))
    contender.train(make_images(10 * BATCHES, seed=0, data_dir=None))
    assert passes["pass"] == 2 * 2 * BATCHES


@pytest.mark.parametrize(("layers", "segments"), [(4, 2), (8, 2), (64, 8)])
def test_segments_are_about_as_many_as_their_layers(layers: int, segments: int) -> None:
    assert root_segments(layers) == segments


def test_backpropagation_takes_the_same_operations_in_plain_torch_and_in_lwtrain(tmp_path: Path) -> None:
    images = make_images(20, seed=0, data_dir=None)
    plain, strict, twice = (row(method) for method in ("backprop", "lwtrain-backprop", "checkpointing"))
    expected = operations_per_image(plain, PlainBackprop(plain, SHAPE), images)
    # Two convolutions of 2 channels, 1024 pixels, forward and backward; the first has no gradient of its input.
    convolutions = 2 * 1024 * 9 * (2 * 3 * 2 + 3 * 2 * 2)
    head = 3 * 2 * (2 * 16 * 64 + 64 * 10)
    assert expected == convolutions + head
    assert operations_per_image(strict, Lwtrain(strict, SHAPE, tmp_path), images) == expected
    assert operations_per_image(twice, Lwtrain(twice, SHAPE, tmp_path), images) > 1.2 * expected


def test_images_are_noise_that_the_seed_decides() -> None:
    one, again, other = (make_images(20, seed, None) for seed in (0, 0, 1))
    assert one.images.shape == (20, *SHAPE)
    assert one.labels.bincount().tolist() == [2] * 10
    assert torch.equal(one.images, again.images)
    assert not torch.equal(one.images, other.images)


def test_more_images_than_cifar_10_has_are_refused(cifar10_dir: Path) -> None:
    assert len(make_images(20, 0, str(cifar10_dir))) == 20
    with pytest.raises(ValueError, match="--images=50001: CIFAR-10 has 50000"):
        make_images(50_001, 0, str(cifar10_dir))


def test_published_augmentation_alters_each_image_by_itself() -> None:
    torch.manual_seed(0)
    images = make_images(8, seed=0, data_dir=None).images[:1].float().div(255).expand(6, -1, -1, -1)
    altered = one_by_one("heavy_20")(images)
    assert altered.shape == images.shape
    assert altered.min() >= 0
    assert altered.max() <= 1
    assert len({tuple(image.flatten().tolist()) for image in altered}) == 6
