import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from small_folders import pets
from small_runs import CLASSIFIER, train_small
from tiny import differing, tensors

from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.schema import VoteConfig
from lwtrain.errors import ConfigError, DataError
from lwtrain.trained_run import load_network, load_run


@pytest.fixture
def copied(classifier_run: Path, tmp_path: Path) -> Path:
    """A run that may be damaged."""
    return shutil.copytree(classifier_run, tmp_path / "run")


def store(folder: Path, **changes: object) -> None:
    path = folder / "checkpoints" / "last.ckpt"
    torch.save(load_checkpoint(path) | changes, path)


def test_the_network_has_the_weights_of_the_checkpoint_and_rests(classifier_run: Path) -> None:
    run = load_run(classifier_run)
    stored = load_checkpoint(classifier_run / "checkpoints" / "last.ckpt")["state_dict"]
    assert differing(dict(run.stack.state_dict()), stored) == []
    assert not any(module.training for module in run.stack.modules())
    assert not any(parameter.requires_grad for parameter in run.stack.parameters())


def test_the_network_scores_what_the_run_measured(classifier_run: Path) -> None:
    run = load_run(classifier_run)
    assert run.data.test is not None
    right = run.stack.vote(run.data.test.images[:]).argmax(dim=1) == run.data.test.labels
    metrics = yaml.safe_load((classifier_run / "metrics.json").read_text())
    assert right.float().mean().item() == pytest.approx(metrics["vote/test/accuracy"], abs=1e-6)


def check_votes(folder: Path) -> None:
    """Make sure that a run's network, loaded again, judges as the run says that it did."""
    run, metrics = load_run(folder), json.loads((folder / "metrics.json").read_text())
    train, test, held_out, voters = run.data.train, run.data.test, run.data.held_out, run.stack.voter_numbers
    assert test is not None
    for stage, images, labels in (
        ("val", train.images[held_out], train.labels[held_out]),
        ("test", test.images[:], test.labels),
    ):
        verdicts = {run.stack.names[voter]: run.stack.layer_probabilities(images)[voter] for voter in voters}
        for name, shares in (verdicts | {"vote": run.stack.vote(images)}).items():
            right = (shares.argmax(dim=1) == labels).float().mean().item()
            assert metrics[f"{name}/{stage}/accuracy"] == pytest.approx(right, abs=1e-6), (name, stage)
    found = [metrics[f"{run.stack.names[voter]}/val/accuracy"] for voter in voters]
    assert run.stack.accuracies[voters].tolist() == pytest.approx(found)
    assert asdict(run.config.vote) == metrics["config"]["vote"]


@pytest.mark.parametrize("max_epochs", [5, 6])  # the first of them stops within the head's visit, before its last epoch
@pytest.mark.parametrize("rule", ["vote.weights=accuracy vote.flips=true", "vote.weights=likelihood"])
def test_a_network_votes_as_in_its_run(max_epochs: int, rule: str, tmp_path: Path) -> None:
    words = [*CLASSIFIER, "model.layer_depth=3", *rule.split()]
    check_votes(train_small(tmp_path, *words, f"trainer.max_epochs={max_epochs}"))


def test_the_votes_of_a_finished_run_can_be_counted_anew(copied: Path) -> None:
    checkpoint = copied / "checkpoints" / "last.ckpt"
    before, figures = load_checkpoint(checkpoint)["state_dict"], json.loads((copied / "metrics.json").read_text())
    train_small(copied, *CLASSIFIER, f"ckpt_path={checkpoint}", "vote.weights=accuracy", "vote.flips=true")
    check_votes(copied)
    after = load_checkpoint(checkpoint)["state_dict"]
    assert differing(before, after) == ["accuracies", "mixture"]
    assert load_run(copied, checkpoint="best").config.vote == VoteConfig("accuracy", flips=True)
    train_small(copied, *CLASSIFIER, f"ckpt_path={checkpoint}")
    check_votes(copied)
    again = json.loads((copied / "metrics.json").read_text())
    assert {name: again[name] for name in figures if "/val/" in name or "/test/" in name} == {
        name: value for name, value in figures.items() if "/val/" in name or "/test/" in name
    }


def test_the_config_is_that_of_the_run(classifier_run: Path) -> None:
    run = load_run(classifier_run)
    assert (run.config.model.name, run.config.schedule.name, run.classes) == ("vgg8b", "wave", ("0", "1", "2"))
    assert (run.config.ckpt_path, run.config.layer.load) == (None, None)


def test_best_is_another_checkpoint_than_last(copied: Path) -> None:
    path = copied / "checkpoints" / "best.ckpt"
    stored = load_checkpoint(path)
    stored["state_dict"]["layers.0.layer.conv_0.bias"].fill_(7.0)
    torch.save(stored, path)
    best, last = (load_run(copied, checkpoint=which).stack for which in ("best", "last"))
    assert differing(tensors(best), tensors(last)) != []
    assert best.state_dict()["layers.0.layer.conv_0.bias"].unique().tolist() == [7.0]


def test_settings_that_are_newer_than_the_run_get_their_defaults(copied: Path) -> None:
    config = load_checkpoint(copied / "checkpoints" / "last.ckpt")["config"]
    del config["callbacks"]["pictures"], config["model"]["layer_depth"]
    store(copied, config=config)
    run = load_run(copied)
    assert (run.config.callbacks.pictures, run.config.model.layer_depth) == (8, 1)  # type: ignore[union-attr]


def test_networks_from_before_votes_were_weighed_vote_as_they_did(copied: Path) -> None:
    stored = load_checkpoint(copied / "checkpoints" / "last.ckpt")
    images = torch.rand(4, 3, 16, 16)
    expected = load_run(copied).stack.vote(images)
    del stored["state_dict"]["accuracies"], stored["state_dict"]["mixture"], stored["config"]["vote"]
    store(copied, state_dict=stored["state_dict"], config=stored["config"], made_by={"format": 0})
    run = load_run(copied)
    assert run.config.vote == VoteConfig("equal", flips=False)
    assert torch.equal(run.stack.vote(images), expected)


def test_a_checkpoint_without_settings_is_read_with_those_beside_it(copied: Path) -> None:
    store(copied, config=None)
    assert load_run(copied).config.model.name == "vgg8b"
    (copied / "config.yaml").write_text("[")
    with pytest.raises(DataError, match=r"config\.yaml is missing or damaged"):
        load_run(copied)


def test_a_setting_that_nobody_knows_is_named(copied: Path) -> None:
    config = load_checkpoint(copied / "checkpoints" / "last.ckpt")["config"]
    store(copied, config=config | {"model": {**config["model"], "wings": 2}})
    with pytest.raises(ConfigError, match=r"do not fit this version of lwtrain\nmodel\.wings"):
        load_run(copied)


def test_what_a_run_began_with_may_be_gone(copied: Path) -> None:
    config = load_checkpoint(copied / "checkpoints" / "last.ckpt")["config"]
    gone = {"layer": {"load": ["no/such/folder"], "store": True}, "ckpt_path": "gone.ckpt"}
    store(copied, config=config | gone)
    assert load_run(copied).config.layer.load is None


def test_no_run_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder; choose a run's"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"there is no checkpoints/last\.ckpt"):
        load_run(tmp_path)


def test_a_damaged_checkpoint_is_an_error_that_names_it(copied: Path) -> None:
    path = copied / "checkpoints" / "last.ckpt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"^\S*last\.ckpt: not a readable checkpoint"):
        load_run(copied)


def test_other_weights_and_other_data_are_errors(copied: Path) -> None:
    stored = load_checkpoint(copied / "checkpoints" / "last.ckpt")
    weights = dict(stored["state_dict"])
    del weights["voters"]
    store(copied, state_dict=weights)
    with pytest.raises(DataError, match="a checkpoint of another network; 1 tensors differ"):
        load_run(copied)
    store(copied, state_dict=stored["state_dict"], SemiSupervisedDataModule={"fingerprint": "another"})
    with pytest.raises(DataError, match="its run had other training data"):
        load_run(copied)


@pytest.fixture(scope="module")
def pictures_gone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose folder of pictures is there no longer."""
    folder = tmp_path_factory.mktemp("moved")
    pets(folder / "photos", cats=20, dogs=20)
    words = ("dataset=image_folder", f"dataset.folder={folder / 'photos'}", "dataset.image_size=16", "dataset.fit=pad")
    without = [word for word in CLASSIFIER if not word.startswith("dataset")]
    run = train_small(folder / "run", *without, *words, "schedule.epochs=1", "schedule.waves=1")
    shutil.rmtree(folder / "photos")
    return run


def test_missing_data_are_an_error(pictures_gone: Path) -> None:
    with pytest.raises((ConfigError, DataError), match=r"photos: there is no such folder"):
        load_run(pictures_gone)


def test_a_network_needs_no_data_to_be_used(pictures_gone: Path) -> None:
    network = load_network(pictures_gone)
    assert (network.classes, network.input_shape, network.reading) == (
        ("cat", "dog"),
        (3, 16, 16),
        (16, "pad", "scale"),
    )
    assert network.stack.vote(torch.zeros(2, 3, 16, 16)).shape == (2, 2)


def test_a_network_from_before_its_images_were_described_asks_its_data_set(copied: Path) -> None:
    store(copied, images=None)
    assert load_network(copied).classes == ("0", "1", "2")
    store(copied, images={"name": "fake"})
    with pytest.raises(DataError, match=r"checkpoint is damaged; no description of a data set"):
        load_network(copied)


def test_a_data_sets_own_image_is_read_as_it_was_learned(tmp_path: Path) -> None:
    words = ["dataset=fashion_mini", "model=cnn", "labels=200", "schedule.epochs=1", "schedule.waves=1"]
    run = load_run(
        train_small(tmp_path / "run", *words, "trainer.limit_train_batches=1", "trainer.limit_val_batches=1")
    )
    assert (run.input_shape, run.reading) == ((1, 32, 32), (28, "crop", "pad"))
    image = run.data.train.images[7]
    Image.fromarray(image[0, 2:-2, 2:-2].numpy()).save(tmp_path / "seven.png")
    assert torch.equal(run.read_picture(tmp_path / "seven.png"), image)
    Image.fromarray(image[0, 2:-2, 2:-2].numpy()).resize((84, 84), Image.Resampling.NEAREST).save(tmp_path / "big.png")
    assert (run.read_picture(tmp_path / "big.png").int() - image.int()).abs().float().mean() < 8
