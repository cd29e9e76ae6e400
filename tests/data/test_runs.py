"""A whole run on each kind of data set, by its config: what it reads is what it learns."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from small_folders import pets
from small_sets import cifar100_of_apples_and_worms, small_stl10, write

from lwtrain.config.loading import load_config
from lwtrain.data.decoding import decode
from lwtrain.data.picture_files import PictureFiles
from lwtrain.errors import DataError
from lwtrain.from_config import build_data, build_network
from lwtrain.training import train

QUIET = ["trainer.accelerator=cpu", "precision=32", "progress=none", "logger.tensorboard=false"]
TINY = [
    "model=vgg8b",
    "model.width=0.0625",
    "model.layer_depth=3",
    "schedule.epochs=1",
    "schedule.waves=1",
    *QUIET,
]
COURSE = ["schedule.epochs=6", "optimizer.lr=0.02", "optimizer.halve_every=3"]  # the published one, much shortened


def run(folder: Path, *settings: str) -> dict[str, Any]:
    return train(load_config([*TINY, *settings]), folder)


def split_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "split.json").read_text())


@pytest.mark.parametrize("shape", [("3", "16"), ("1", "19")])
def test_fake_images_can_be_learned(tmp_path: Path, shape: tuple[str, str]) -> None:
    channels, size = shape
    words = ["dataset=fake", f"dataset.channels={channels}", f"dataset.image_size={size}", "dataset.num_classes=3"]
    words += ["dataset.num_images=300", "encoder=pool", "batch_size=10", "schedule.epochs=2", "optimizer.lr=1e-2"]
    metrics = run(tmp_path, *words)
    assert metrics["vote/test/accuracy"] > 0.5  # by chance it would be a third


def test_two_classes_make_a_network_of_two() -> None:
    config = load_config([*TINY, "dataset.image_size=16", "dataset.fit=scale", "dataset.classes=[Trouser,Bag]"])
    data = build_data(config)
    assert build_network(config, data).num_classes == 2
    assert data.train.labels[data.labelled].bincount().tolist() == [900, 900]


@pytest.mark.parametrize("front", ["disk", "recompute"])
def test_unlabelled_images_of_stl10_are_rebuilt_and_never_validated_on(
    tmp_path: Path, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, contents, _ = small_stl10()
    write(info, contents, tmp_path / "data")
    monkeypatch.setattr("lwtrain.config.schema.dataset.dataset_info", lambda name: info)
    words = [
        "encoder=c",
        "encoder.hidden=8",
        "dataset=stl10",
        f"data_dir={tmp_path / 'data'}",
        "validation=0.5",
        "batch_size=8",
        f"front={front}",
    ]
    metrics = run(tmp_path / "run", *words)
    assert metrics["config"]["batches"] == "half"
    split = split_of(tmp_path / "run")
    assert len(split["validation"]) == len(split["labelled"]) == 10
    assert sorted(split["validation"] + split["labelled"]) == list(range(20))
    assert metrics["layer_images_per_second"] == pytest.approx(3 * 60 / metrics["seconds"], rel=0.05)  # half of 60 rows


def test_the_published_net_learns_from_the_files_of_cifar_100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info, contents = cifar100_of_apples_and_worms(num_train=200, num_test=40)
    write(info, contents, tmp_path / "data")
    monkeypatch.setattr("lwtrain.config.schema.dataset.dataset_info", lambda name: info)
    words = ["experiment=allconv_cifar100", f"data_dir={tmp_path / 'data'}", "dataset.classes=[apple,worm]"]
    words += ["model.channels=8", "dataset.image_size=16", "batch_size=16", *COURSE]
    metrics = train(load_config([*words, *QUIET]), tmp_path / "run")
    assert len(split_of(tmp_path / "run")["validation"]) == 40
    assert metrics["head/test/accuracy"] > 0.75  # of 40 images; by chance: 0.5, give or take 0.08


@pytest.fixture
def folder_words(tmp_path: Path) -> list[str]:
    pets(tmp_path / "pets", cats=20, dogs=14, test=4, unlabelled=10)
    folders = [f"dataset.folder={tmp_path / 'pets'}", f"dataset.unlabelled={tmp_path / 'pets' / 'more'}"]
    return [
        "encoder=c",
        "encoder.hidden=8",
        "dataset=image_folder",
        *folders,
        "dataset.image_size=16",
        "validation=0.2",
        "batch_size=14",
    ]


def test_pictures_of_ones_own_are_learned(tmp_path: Path, folder_words: list[str]) -> None:
    metrics = run(tmp_path / "run", *folder_words, "schedule.epochs=6", "optimizer.lr=1e-2")
    assert metrics["config"]["batches"] == "half"
    assert metrics["vote/test/accuracy"] == 1.0  # dogs are bright
    assert len(split_of(tmp_path / "run")["validation"]) == 4 + 3


def test_a_folder_whose_name_is_not_utf_8_is_learned_from(tmp_path: Path, folder_words: list[str]) -> None:
    folder = (tmp_path / "pets").rename(tmp_path / os.fsdecode(b"p\xe9ts"))
    words = [f'dataset.folder="{folder}"', "dataset.unlabelled=null", "logger.tensorboard=true", "encoder=pool"]
    kept = [word for word in folder_words if not word.startswith("encoder.")]
    assert run(tmp_path / "run", *kept, *words)["config"]["dataset"]["folder"] == str(folder)
    assert (tmp_path / "run" / "metrics.json").is_file()


def test_any_front_makes_the_same_of_them(tmp_path: Path, folder_words: list[str]) -> None:
    weights = []
    for front in ("memory", "disk", "recompute"):
        run(tmp_path / front, *folder_words, f"front={front}", "labels=8")
        weights.append(torch.load(tmp_path / front / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"])
    for other in weights[1:]:
        assert all(torch.allclose(weights[0][name], other[name], rtol=1e-4, atol=1e-6) for name in other)


def test_a_test_picture_that_breaks_off_costs_the_test_figures_only(tmp_path: Path, folder_words: list[str]) -> None:
    broken = tmp_path / "pets" / "test" / "dog" / "003.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"test/dog/003\.png cannot be read as a picture"):
        run(tmp_path / "run", *folder_words)
    known = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "vote/val/accuracy" in known
    assert not [tag for tag in known if "/test/" in tag]
    assert (tmp_path / "run" / "layers" / "head.safetensors").is_file()
    broken.write_bytes(whole)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert "vote/test/accuracy" in run(tmp_path / "run", *folder_words, f"ckpt_path={last}")


def test_a_picture_is_decoded_once_in_a_wave(
    tmp_path: Path, folder_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: Counter[str] = Counter()

    def listen(path: Path, *settings: Any) -> Any:
        decoded[path.relative_to(tmp_path / "pets").as_posix()] += 1
        return decode(path, *settings)

    monkeypatch.setattr("lwtrain.data.picture_files.decode", listen)
    waves = ["schedule.epochs=3", "schedule.waves=3", "dataset.unlabelled=null", "labels=all"]
    run(tmp_path / "run", *folder_words, *waves, "front=memory", "dataset.augmentation=light")
    trained = Counter(count for file, count in decoded.items() if file.startswith("train/"))
    assert trained == {3: 33, 5: 1}  # one is looked at beforehand, to tell how much room front and steps need
    assert {count for file, count in decoded.items() if file.startswith("test/")} == {1}


def test_without_test_pictures_nothing_is_tested(tmp_path: Path, folder_words: list[str]) -> None:
    metrics = run(tmp_path / "run", *folder_words, f"dataset.folder={tmp_path / 'pets' / 'train'}")
    assert "vote/val/accuracy" in metrics
    assert "vote/test/accuracy" not in metrics


def test_a_run_goes_on_where_its_pictures_were_moved_but_not_with_others(
    tmp_path: Path, folder_words: list[str]
) -> None:
    run(tmp_path / "run", *folder_words, "trainer.max_epochs=1")
    (tmp_path / "pets").rename(tmp_path / "animals")
    moved = [word.replace("/pets", "/animals") for word in folder_words]
    again = [f"ckpt_path={tmp_path / 'run' / 'checkpoints' / 'last.ckpt'}"]
    run(tmp_path / "run", *moved, *again)
    (tmp_path / "animals" / "train" / "cat" / "000.png").unlink()
    with pytest.raises(DataError, match="its run had other training data"):
        run(tmp_path / "run", *moved, *again)


def test_pictures_are_not_kept_in_memory_beside_the_front(
    tmp_path: Path, folder_words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest: list[int] = []
    make = PictureFiles._make
    monkeypatch.setattr(PictureFiles, "_make", lambda self, rows: largest.append(len(rows)) or make(self, rows))
    monkeypatch.setattr("lwtrain.fronts.front.CHUNK", 5)
    run(tmp_path / "run", *folder_words, "front=disk", "trainer.limit_test_batches=1")
    assert sorted(set(largest))[-2:] == [5, 8]  # a chunk of the front; all test pictures are one batch
