from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import load_file
from small_folders import pets
from small_runs import CLASSIFIER, train_small
from torch import Tensor, nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone
from lwtrain.backbones.plans import PLANS
from lwtrain.backbones.whitening import EPSILON, MOST_IMAGES, Whitening, fit_whitening
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config
from lwtrain.data.images import JoinedImages, ResizedImages
from lwtrain.from_config import build_data, build_network
from lwtrain.trained_run import load_run
from lwtrain.training import train

WHITENED = (*CLASSIFIER, "model.layer_depth=3", "model.whitening=true")
SETTLED = ("precision=32", "trainer.accelerator=cpu", "progress=none")


def waves(number: int = 200, channels: int = 3, size: int = 9) -> Tensor:
    """Images whose neighbouring pixels and channels are alike."""
    noise = torch.rand(number, channels, size + 3, size + 3, generator=torch.Generator().manual_seed(channels))
    smooth = nn.functional.avg_pool2d(noise, 3, stride=1)[..., :size, :size]
    mixed = (smooth + smooth.mean(dim=1, keepdim=True)) / 2
    return (mixed * 255).round().to(torch.uint8)


def patches_of(images: Tensor) -> Tensor:
    """All 2x2 patches as columns, (numbers of a patch, patches), in float64."""
    columns: Tensor = nn.functional.unfold(images.double() / 255, 2)
    return columns.transpose(0, 1).flatten(start_dim=1)


def build(**settings: object) -> Backbone:
    return BACKBONES["vgg8b"]("vgg8b", (3, 16, 16), 10, width=0.05, whitening=True, **settings)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_it_gives_for_the_images_it_was_fitted_to_is_white(channels: int) -> None:
    images = waves(channels=channels)
    numbers = 4 * channels
    whitened = Whitening(channels).fit(images)(images / 255)[:, :, :-1, :-1]  # without the patches that are padded
    half = whitened[:, :numbers].double().transpose(0, 1).flatten(start_dim=1)
    eigenvalues = torch.linalg.eigvalsh(patches_of(images).cov(correction=0)).flip(0)
    torch.testing.assert_close(half.mean(dim=1), torch.zeros(numbers).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        half.cov(correction=0), torch.diag(eigenvalues / (eigenvalues + EPSILON)), atol=1e-4, rtol=0
    )


def test_half_of_the_filters_are_the_negatives_of_the_others() -> None:
    one, other = Whitening(3).fit(waves()).filters.chunk(2)
    assert torch.equal(one, -other)


@pytest.mark.parametrize("shape", [(2, 2), (5, 8), (7, 3)])
def test_images_keep_their_size_and_repeat_their_last_row_and_column(shape: tuple[int, int]) -> None:
    whitening, images = Whitening(3).fit(waves()), torch.rand(4, 3, *shape)
    larger = nn.functional.pad(images, (0, 1, 0, 1), mode="replicate")
    assert whitening(images).shape == (4, 24, *shape)
    torch.testing.assert_close(whitening(images), whitening(larger)[..., : shape[0], : shape[1]])


def test_constant_images_give_zeros() -> None:
    images = torch.full((5, 3, 4, 4), 200, dtype=torch.uint8)
    whitening = Whitening(3).fit(images)
    assert whitening.filters.isfinite().all()
    torch.testing.assert_close(whitening(images / 255), torch.zeros(5, 24, 4, 4), atol=1e-3, rtol=0)


def test_the_signs_and_the_order_of_another_lapack_make_no_difference() -> None:
    grey = waves(channels=1).expand(-1, 3, -1, -1)  # the channels' differences have variance 0 in 8 directions
    eigh = torch.linalg.eigh

    def turned(matrix: Tensor) -> tuple[Tensor, Tensor]:
        """What the same matrix has for eigenvectors after a detour: other signs, other rounding."""
        backwards = matrix.flip(0, 1)
        values, columns = eigh(backwards)
        return values, -columns.flip(0)

    for images in (waves(), grey, torch.zeros(1, 3, 2, 2, dtype=torch.uint8)):
        here = Whitening(3).fit(images).filters
        with patch("torch.linalg.eigh", turned):
            there = Whitening(3).fit(images).filters
        torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)


def test_an_unfitted_one_complains_until_it_is_fitted_or_loaded() -> None:
    images, fresh, fitted = torch.rand(2, 3, 4, 4), Whitening(3), Whitening(3).fit(waves())
    with pytest.raises(ValueError, match=r"^model\.whitening=true: not fitted yet; call fit\(images\) with the train"):
        fresh(images)
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh(images), fitted(images))
    fresh.load_state_dict(Whitening(3).state_dict())
    with pytest.raises(ValueError, match="not fitted yet"):
        fresh(images)


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^model\.whitening=true: cannot be fitted to 200 images of 1x9x9; it takes"):
        Whitening(3).fit(waves(channels=1))
    with pytest.raises(ValueError, match=r"cannot be fitted to 0 images of 3x9x9"):
        Whitening(3).fit(waves(0))
    with pytest.raises(ValueError, match=r"cannot be fitted to 3 images of 3x1x5"):
        Whitening(3).fit(torch.rand(3, 3, 1, 5))


def test_lazily_read_images_give_the_same_filters() -> None:
    images = waves()
    filters = Whitening(3).fit(images).filters
    assert torch.equal(Whitening(3).fit(JoinedImages([images[:50], images[50:]])).filters, filters)
    assert torch.equal(Whitening(3).fit(ResizedImages(images, 9, "scale")).filters, filters)


def test_images_in_another_order_or_in_other_chunks_give_the_very_same_filters() -> None:
    images, filters = waves(), Whitening(3).fit(waves()).filters
    assert torch.equal(Whitening(3).fit(images.flip(0)).filters, filters)
    with patch("lwtrain.backbones.whitening._CHUNK", 1):
        assert torch.equal(Whitening(3).fit(images).filters, filters)


def test_bytes_and_floats_give_the_same_filters() -> None:
    images = waves()
    one, other = Whitening(3).fit(images), Whitening(3).fit(images.double() / 255)
    torch.testing.assert_close(one.filters, other.filters)


def test_only_the_rows_asked_for_are_read_and_of_these_the_first() -> None:
    images = waves()
    some = torch.tensor([3, 5, 8])
    assert torch.equal(Whitening(3).fit(images, some).filters, Whitening(3).fit(images[some]).filters)
    many = torch.rand(MOST_IMAGES, 1, 2, 2)
    more = torch.cat([many, torch.full((1, 1, 2, 2), torch.nan)])
    assert torch.equal(Whitening(1).fit(more).filters, Whitening(1).fit(many).filters)


def test_half_precision_around_it_changes_nothing() -> None:
    whitening, images = Whitening(3).fit(waves()), torch.rand(4, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(whitening(images), whitening(images.float()))
        assert whitening(images).dtype == torch.float32


def test_memory_format_stays() -> None:
    batch = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last)
    whitening = Whitening(3).fit(waves()).to(memory_format=torch.channels_last)
    assert whitening(batch).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", PLANS)
def test_every_vgg_takes_it_in_front_of_its_first_convolution(name: str) -> None:
    plain, whitened = (
        BACKBONES[name](name, (1, 32, 32), 10, width=0.05, whitening=whitening) for whitening in (False, True)
    )
    first = whitened.layers[0]
    activation = type(plain.layers[0].activation_0)
    assert [type(piece) for piece in first[:2]] == [Whitening, activation]
    assert (first.conv_0.in_channels, plain.layers[0].conv_0.in_channels) == (8, 1)
    assert whitened.shapes() == plain.shapes()  # sidecars rebuild the image, not what it is turned into
    assert [str(layer) for layer in whitened.layers[1:]] == [str(layer) for layer in plain.layers[1:]]


def test_it_has_no_parameters_and_its_filters_are_stored() -> None:
    backbone = build(layer_depth=2)
    assert not list(backbone.layers[0].whitening.parameters())
    assert {"whitening.filters", "whitening.offsets"} <= set(backbone.layers[0].state_dict())


def test_a_script_fits_it_before_it_trains() -> None:
    backbone = build()
    stack = build_stack(backbone, encoder="pool")
    with pytest.raises(ValueError, match="not fitted yet"):
        stack(torch.rand(2, 3, 16, 16))
    fit_whitening(backbone.layers, waves(size=16))
    assert stack(torch.rand(2, 3, 16, 16)).shape == (2, 10)


# Runs


def network_of(*words: str) -> Whitening:
    config = load_config([*WHITENED, *SETTLED, *words])
    return build_network(config, build_data(config)).layers[0].layer.whitening


def test_a_run_fits_it_to_its_training_images_alone() -> None:
    config = load_config([*WHITENED, *SETTLED, "labels=30"])
    data = build_data(config)
    before = build_network(config, data).layers[0].layer.whitening.filters
    data.train.images[data.held_out] = 0
    after = build_network(config, data).layers[0].layer.whitening.filters
    assert torch.equal(before, after)
    data.train.images[data.unlabelled] = 0
    assert not torch.equal(before, build_network(config, data).layers[0].layer.whitening.filters)


@pytest.mark.parametrize("channels", [1, 3])
def test_folders_of_pictures_are_whitened(channels: int, tmp_path: Path) -> None:
    words = ["dataset=image_folder", f"dataset.folder={pets(tmp_path)}", f"dataset.channels={channels}", "batch_size=4"]
    config = load_config(["model=vgg8b", "model.whitening=true", "dataset.image_size=16", "encoder=pool", *words])
    whitening = build_network(config, build_data(config)).layers[0].layer.whitening
    assert whitening.is_fitted
    assert whitening.filters.isfinite().all()


@pytest.fixture(scope="module")
def memory_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small(tmp_path_factory.mktemp("run"), *WHITENED, "front=memory")


def test_training_never_moves_it(memory_run: Path) -> None:
    trained = load_run(memory_run).stack.layers[0].layer.whitening
    assert torch.equal(trained.filters, network_of().filters)
    stored = load_file(memory_run / "layers" / "layer_0.safetensors")
    assert torch.equal(stored["layer.whitening.filters"], trained.filters)


@pytest.mark.parametrize("front", ["disk", "recompute"])
def test_every_front_gives_the_same_training(front: str, memory_run: Path, tmp_path: Path) -> None:
    other = load_run(train_small(tmp_path, *WHITENED, f"front={front}")).stack.state_dict()
    here = load_run(memory_run).stack.state_dict()
    assert [name for name in here if not torch.equal(here[name], other[name])] == []


@pytest.mark.parametrize(
    "words",
    [
        ("schedule=simultaneous",),
        ("schedule=sequential",),
        ("schedule=backprop", "objective=prediction"),
    ],
)
def test_all_schedules_take_it(words: tuple[str, ...], tmp_path: Path) -> None:
    settings = [word for word in WHITENED if word != "schedule.waves=2"]
    whitening = load_run(train_small(tmp_path, *settings, *words, "schedule.epochs=1")).stack.layers[0].layer.whitening
    assert torch.equal(whitening.filters, network_of().filters)


def test_half_precision_trains_behind_it(tmp_path: Path) -> None:
    words = ["precision=bf16", "trainer.accelerator=cpu", "progress=none", "schedule.epochs=4", "optimizer.lr=1e-2"]
    config = load_config([*WHITENED, *words])
    figures = train(config, tmp_path)
    assert figures["layer_0/val/accuracy"] > 0.7  # of 15 images; by chance: 0.33
    stored = load_file(tmp_path / "layers" / "layer_0.safetensors")
    assert torch.equal(stored["layer.whitening.filters"], network_of().filters)


def test_what_rests_is_folded_and_gives_the_same(memory_run: Path) -> None:
    layer = load_run(memory_run).stack.layers[0]
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        plain = layer(images)
        with torch.autocast("cpu", torch.bfloat16):
            folded = layer(images)
    torch.testing.assert_close(folded.float(), plain, atol=0.1, rtol=0.05)
    assert (folded.float() - plain).abs().mean() < 0.01


def test_its_layers_can_be_taken_up_by_another_run(memory_run: Path, tmp_path: Path) -> None:
    words = (*WHITENED, f"layer.load={memory_run}/layers/layer_0.safetensors", "seed=1")  # others to train on
    taken = load_run(train_small(tmp_path, *words)).stack.layers[0].layer.whitening
    assert torch.equal(taken.filters, network_of().filters)
    assert not torch.equal(taken.filters, network_of("seed=1").filters)
