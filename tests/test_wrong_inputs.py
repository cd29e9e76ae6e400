"""Wrong inputs at the command line: each ends with a code, and with a line or two that say what is allowed.

No traceback, nothing half-written; where no data need be read, within two seconds and without torch.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from small_folders import pets, save_class, save_picture
from small_runs import CLASSIFIER, train_small
from stored_checkpoints import store_checkpoint
from stored_runs import store_run
from wrong_inputs_worker import answer

from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.loading import load_config
from lwtrain.config.run_folders import store_settings

CHECKOUT = Path(__file__).resolve().parents[1]
PICTURES = "dataset=image_folder batch_size=2 dataset.folder"

# What is typed in the folder that `make_files` fills, and how the answer begins.
WITHOUT_DATA = {
    # Settings of a wrong type
    "batch_size=many": "batch_size=many: choose a whole number of at least 2",
    "batch_size=12.5": "batch_size=12.5: choose a whole number of at least 2",
    "batch_size=null": "batch_size=null: choose a whole number of at least 2",
    "seed=[1,2]": "seed=[1,2]: choose a whole number of at least 0",
    "compile=perhaps": "compile=perhaps: choose true or false",
    "cuda_graphs=2": "cuda_graphs=2: choose true or false",
    "optimizer.lr={a:1}": "optimizer.lr={a:1}: choose a number above 0, or a list",
    "model=[vgg11,vgg13]": "model=[vgg11,vgg13]: Choices: allconv",
    "schedule=custom schedule.visits=wave": "schedule.visits=wave: choose a list, each item a mapping with layer",
    "data_dir=3.5": "data_dir=3.5: choose a text",
    # Out of range
    "mixup=-0.5": "mixup=-0.5: choose a number of at least 0",
    "seed=-1": "seed=-1: choose a whole number of at least 0 and below 4294967296",
    "seed=4294967296": "seed=4294967296: choose a whole number of at least 0 and below 4294967296",
    "labels=0": "labels=0: choose all, a whole number of at least 1, or a number above 0 and below 1",
    "labels=10001": "labels=10001: there are 9000 training images; choose at most that, or all",
    "validation=1.5": "validation=1.5: choose a number above 0 and below 1, or test",
    "optimizer.lr=nan": "optimizer.lr=nan: choose a number above 0",
    "optimizer.lr=inf": "optimizer.lr=inf: choose a number above 0",
    "objective.alpha=2": "objective.alpha=2: choose a number above 0 and at most 1, or learned",
    "model.width=0": "model.width=0: choose a number above 0",
    "dataset.image_size=1": "dataset.image_size=1: ",
    "trainer.max_epochs=0": "trainer.max_epochs=0: choose a whole number of at least 1",
    # Names
    "model=vg11": "model=vg11: did you mean 'vgg11'? Choices: ",
    "dataset=imagenet": "dataset=imagenet: ",
    "shedule=wave": "shedule=wave: no such setting; did you mean schedule?",
    "model.layers=3": "model.layers=3: no such setting; there are model.width, model.layer_depth",
    "dataset.classes=[Bag]": "dataset.classes=[Bag]: choose 2 or more, to be told apart",
    "dataset.classes=[Bag,Sandals]": "dataset.classes[1]=Sandals: did you mean 'Sandal'? Choices: ",
    "vgg11": "vgg11: write setting=value",
    "--epochs=3": "--epochs=3: no such option; settings have no dashes before them, such as seed=1",
    "--cfg everything": "--cfg/-c: invalid choice: 'everything' (choose from 'job', 'hydra', 'all')",
    "--config-dir": "--config-dir/-cd: expected one argument",
    "run model=vgg11": "run: write setting=value",
    # Combinations
    "encoder=c objective=infopro": "encoder=c: objective=infopro rebuilds the network's images; choose encoder=infopro",
    "schedule.waves=5": "schedule.waves=5: choose a divisor of schedule.epochs=3",
    "encoder=pool objective=reconstruction": "objective=reconstruction: encoder=pool has no decoder; choose encoder=",
    "vote.weights=accuracy validation=test": "vote.weights=accuracy: validation=test would weigh the layers by",
    "seed=1,2": "seed=1,2: choose one value; with -m before it, several start a run each",
    "-m ckpt_path=last seed=1,2": "ckpt_path=last: not with -m; choose auto, or go on with one run at a time",
    "-m model=vgg11,vgg31": "model=vgg31: did you mean '",
    "optimizer.lr=[0.1,0.2]": "optimizer.lr=[0.1,0.2]: 2 learning rates for 5 layers; give one for each",
    # Files and folders that are missing, unreadable, or others
    "ckpt_path=gone.ckpt": "ckpt_path=gone.ckpt: no such checkpoint; choose last, a run's folder or a .ckpt file",
    "ckpt_path=last": "ckpt_path=last: no checkpoint below outputs/ yet; start a run without ckpt_path",
    "ckpt_path=damaged": "ckpt_path=damaged: {here}/damaged is damaged; ",
    "ckpt_path=no_words": "ckpt_path=no_words: {here}/no_words is damaged; overrides.yaml holds no list",
    "ckpt_path=run model=vgg13": "model=vgg13: the checkpoint was made with model=vgg11\nGo on without these changes",
    "ckpt_path=run dataset.classes=[Bag,Sandal]": "dataset.classes=[Bag,Sandal]: the checkpoint was made with dataset.",
    "hydra.run.dir=run": "hydra.run.dir=run: it holds a run; choose another, or go on with it: ckpt_path=run",
    "hydra.run.dir=text.txt/run": "hydra.run.dir=text.txt/run: cannot be written to (Not a directory); choose another",
    "layer.load=gone": "layer.load=gone: there is no such file or folder",
    "front.folder=gone": "front.folder=gone: there is no such folder",
    "--config-dir gone seed=1": "--config-dir=gone: there is no such folder",
    "--config-dir conf model=broken": "model=broken: ",
    "--config-dir conf model=bytes": "model=bytes: ",
    "--config-dir conf --config-name gone": "gone: Cannot find primary config 'gone'",
    f"{PICTURES}=gone": "dataset.folder=gone: there is no such folder",
    f"{PICTURES}=text.txt": "dataset.folder=text.txt: there is no such folder",
    f"{PICTURES}=empty": "dataset.folder=empty: no pictures in folders of classes; put them into empty/<class>/",
    f"{PICTURES}=hollow": "dataset.folder=hollow: no pictures in hollow/train/dog; fill that folder or remove it",
    f"{PICTURES}=lonely": "dataset.folder=lonely: cat is the only class; there have to be 2 or more",
    f"{PICTURES}=strange": "dataset.folder=strange: strange/test/owl is a class without training pictures",
    f"{PICTURES}=pets dataset.unlabelled=empty": "dataset.unlabelled=empty: there are no pictures in it",
    f"{PICTURES}=pets dataset.classes=[cat,cow]": "dataset.classes[1]=cow: Choices: cat, dog",
    # Commands
    "runs gone": "gone: there is no such folder; name the one that your runs are in",
    "runs empty": "empty: there are no runs in it",
    "runs text.txt": "text.txt: there is no such folder",
    "runs listed --sort sed": "--sort sed: did you mean 'seconds'? Choices: ",
    "runs listed --metric loss": "--metric loss: no run has it; ",
    "runs listed --csv text.txt/a.csv": "text.txt/a.csv: cannot be written (",
    "runs listed again": "unrecognized arguments: again; see lwtrain runs --help",
    "runs --sort": "--sort: expected one argument; see lwtrain runs --help",
    "visualize": "RUN: name a run's folder, such as outputs/<date>/<time>; see lwtrain visualize --help",
    "visualize gone": "gone: there is no such folder; choose a run's, such as outputs/<date>/<time>",
    "visualize listed": "listed: no trained run (there is no checkpoints/last.ckpt); choose the folder of one",
    "visualize run filtres": "filtres: did you mean 'filters'? Choices: ",
    "visualize run --number none": "--number: none: choose a whole number, 1 or more; see lwtrain visualize --help",
    "visualize run --checkpoint first": "--checkpoint: invalid choice: 'first'",
    "visualize run curves --images a.png": "--images has no effect on curves, only on ",
    # Scripts
    "study.py": "the following arguments are required: NAME; see python scripts/study.py --help",
    "study.py bundeld --dry": "bundeld: no such study in {studies}/; did you mean 'bundled'? Choices: ",
    "study.py bundled --dry --seeds one": "--seeds: invalid int value: 'one'; see python scripts/study.py --help",
    "study.py bundled --dry --seeds 99": "--seeds 99: not in bundled; choose from ",
    "study.py bundled --dry --only nothing": "--only nothing: not in bundled; choose from ",
    "study.py bundled --dry --minutes 7": "--minutes 7.0: not in bundled; ",
    "study.py half --dry --results {here}/results": "{here}/studies/half.yaml: text: missing",
    "results.py draw": "action: invalid choice: 'draw'",
    "results.py add": "add takes the folders of runs, and nothing else does; see python scripts/results.py --help",
    "results.py add gone --results results": "gone: no finished run (there is no metrics.json that can be read)",
    "results.py add listed --results results": "listed: its metrics.json does not say what it was made by; run it",
    "results.py --results damaged_results": "damaged_results/a.json: not a result that can be read (",
}


def make_files(folder: Path) -> None:
    for name in ("empty", "conf/model", "damaged_results", "results", "studies"):
        (folder / name).mkdir(parents=True)
    (folder / "text.txt").write_text("a text")
    (folder / "conf/model/broken.yaml").write_text("name: [vgg11\n")
    (folder / "conf/model/bytes.yaml").write_bytes(b"\xff\xfe\x00name: vgg11\n")
    (folder / "damaged_results/a.json").write_text('{"config": {"seed": "one"}}')
    (folder / "studies/half.yaml").write_text("title: Half a study\nseeds: [0]\nruns: [{name: a}]\n")
    save_class(pets(folder / "pets") / "elsewhere", 1)
    (pets(folder / "hollow", dogs=0) / "train/dog").mkdir()
    save_class(folder / "lonely/cat", 2)
    save_picture(pets(folder / "strange") / "test/owl/0.png")
    store_run(folder / "listed", figures={"vote/val/accuracy": 0.5, "seconds": 1.0})
    for name in ("run", "damaged", "no_words"):
        store_settings(load_config(), folder / name)
        (folder / name / ".hydra").mkdir()
        (folder / name / ".hydra/overrides.yaml").write_text("[]\n")
        store_checkpoint(folder / name / "checkpoints/last.ckpt")
    (folder / "damaged/config.yaml").write_text("model: [\n")
    (folder / "no_words/.hydra/overrides.yaml").write_text("{seed: 1}\n")


def _filled(text: str, here: Path) -> str:
    return text.replace("{here}", str(here)).replace("{studies}", str(CHECKOUT / "studies"))


Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    make_files(folder)
    return folder


@pytest.fixture(scope="module")
def answers(here: Path) -> Answers:
    """What one process, started for all lines, says to each."""
    lines = [shlex.split(_filled(line, here)) for line in WITHOUT_DATA]
    command = [sys.executable, str(CHECKOUT / "tests/wrong_inputs_worker.py"), str(here)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, input=json.dumps(lines), capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(WITHOUT_DATA, json.loads(done.stdout), strict=True))


def check_told(outcome: dict[str, Any], beginning: str) -> None:
    said = outcome["said"]
    assert said.startswith(beginning), said
    assert outcome["code"] in (1, 2)
    assert 1 <= len(said.splitlines()) <= 3
    assert "Traceback" not in said


@pytest.mark.parametrize("line", WITHOUT_DATA)
def test_a_wrong_input_is_told_at_once(line: str, answers: Answers, here: Path) -> None:
    outcome = answers[line]
    check_told(outcome, _filled(WITHOUT_DATA[line], here))
    assert outcome["changed"] == []
    assert outcome["seconds"] < 2
    assert not outcome["torch"]


def test_there_are_many() -> None:
    assert len(WITHOUT_DATA) + len(WITH_DATA) >= 60


@pytest.mark.parametrize(
    ("program", "words", "said"),
    [
        (["-m", "lwtrain.cli"], ["model=vg11"], "model=vg11: did you mean 'vgg11'?"),
        ([str(CHECKOUT / "train.py")], ["ckpt_path=gone"], "ckpt_path=gone: no such checkpoint"),
        ([str(CHECKOUT / "scripts/study.py")], ["nothing"], "nothing: no such study in"),
        ([str(CHECKOUT / "scripts/results.py")], ["--chek"], "unrecognized arguments: --chek"),
    ],
)
def test_programs_of_their_own_say_the_same(program: list[str], words: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, *program, *words], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    check_told({"code": done.returncode, "said": done.stderr}, said)
    assert not list(tmp_path.iterdir())


# What is wrong only shows when data or checkpoints are read. Each makes its files, and gives the words to type.

SMALL = [*CLASSIFIER, "progress=none", "precision=32", "trainer.accelerator=cpu", "hydra.run.dir=new"]


def _published(name: str, folder: str, sizes: dict[str, int], **settings: str) -> list[str]:
    Path("data", folder).mkdir(parents=True)
    for file, size in sizes.items():
        Path("data", folder, file).write_bytes(bytes(size))
    return ["data_dir=data", f"dataset={name}", "progress=none", "hydra.run.dir=new"]


def _cifar(run: Path) -> list[str]:
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    return _published("cifar10", "cifar-10-batches-bin", dict.fromkeys(names, 1000))


def _mnist(run: Path) -> list[str]:
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    return _published("mnist", "MNIST/raw", {**dict.fromkeys(names, 10), names[0]: 9_912_422})


def _stl10(run: Path) -> list[str]:
    names = ["train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "unlabeled_X.bin"]
    return _published("stl10", "stl10_binary", dict.fromkeys(names, 5))


def _pictures(damage: Callable[[Path], object]) -> Callable[[Path], list[str]]:
    def words(run: Path) -> list[str]:
        damage(pets(Path("photos")) / "train/cat/000.png")
        small = [word for word in SMALL if not word.startswith(("dataset", "batch_size"))]
        return [
            *small,
            "dataset=image_folder",
            "dataset.folder=photos",
            "dataset.image_size=16",
            "batch_size=2",
            "validation=0.4",
        ]

    return words


def _text_as_picture(path: Path) -> None:
    path.write_text("no picture")


def _floats_as_picture(path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.float32)).save(path, format="TIFF")


def _cut_picture(path: Path) -> None:
    save_picture(path, size=(90, 90))
    path.write_bytes(path.read_bytes()[:400])


def _checkpoint(change: Callable[[bytes], bytes]) -> Callable[[Path], list[str]]:
    def words(run: Path) -> list[str]:
        Path("other.ckpt").write_bytes(change((run / "checkpoints/last.ckpt").read_bytes()))
        return [*SMALL, "ckpt_path=other.ckpt"]

    return words


def _rewritten(**changes: object) -> Callable[[Path], list[str]]:
    def words(run: Path) -> list[str]:
        torch.save(load_checkpoint(run / "checkpoints/last.ckpt") | changes, "other.ckpt")
        return [*SMALL, "ckpt_path=other.ckpt"]

    return words


def _with(*further: str) -> Callable[[Path], list[str]]:
    return lambda run: [*_checkpoint(bytes)(run), *further]


def _layer(content: bytes) -> Callable[[Path], list[str]]:
    def words(run: Path) -> list[str]:
        Path("layer_0.safetensors").write_bytes(content)
        return [*SMALL, "layer.load=layer_0.safetensors"]

    return words


def _changed_pictures(run: Path) -> list[str]:
    words = _pictures(lambda path: None)(run)
    train_small(Path("old"), *[word for word in words if not word.startswith("hydra")])
    save_picture(Path("photos/train/dog/one_more.png"))
    return [*words, "ckpt_path=old/checkpoints/last.ckpt"]


def _drawn(*further: str) -> Callable[[Path], list[str]]:
    def words(run: Path) -> list[str]:
        Path("text.png").write_text("no picture")
        return ["visualize", str(run), *further, "--to", "drawn"]

    return words


WITH_DATA: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "CIFAR-10, cut short": (_cifar, "dataset=cifar10: data/cifar-10-batches-bin/data_batch_1.bin has 1,000 bytes inst"),
    "MNIST, other bytes": (_mnist, "dataset=mnist: data/MNIST/raw/train-images-idx3-ubyte.gz has the MD5 "),
    "STL-10, cut short": (_stl10, "dataset=stl10: data/stl10_binary/unlabeled_X.bin has 5 bytes instead of "),
    "a text called .png": (
        _pictures(_text_as_picture),
        "photos/train/cat/000.png cannot be read",
    ),
    "a picture of floats": (_pictures(_floats_as_picture), "photos/train/cat/000.png cannot be "),
    "a picture cut short": (_pictures(_cut_picture), "photos/train/cat/000.png cannot be read"),
    "pictures that changed since": (_changed_pictures, "ckpt_path: its run had other training data, labels or valid"),
    "a checkpoint cut short": (_checkpoint(lambda whole: whole[:5000]), "ckpt_path={here}/other.ckpt: not a readable"),
    "a text as checkpoint": (_checkpoint(lambda whole: b"text"), "ckpt_path={here}/other.ckpt: not a readable check"),
    "weights that are none": (_rewritten(state_dict={"a": 1}), "ckpt_path={here}/other.ckpt: a checkpoint of another"),
    "a checkpoint of no step": (_rewritten(global_step="x"), "ckpt_path={here}/other.ckpt: it does not say how far"),
    "a checkpoint of no data": (_rewritten(SemiSupervisedDataModule=3), "ckpt_path={here}/other.ckpt: it does not say"),
    "another number of classes": (
        _with("dataset.num_classes=5"),
        "dataset.num_classes=5: the checkpoint was made",
    ),
    "another model": (_with("model=vgg11b"), "model=vgg11b: the checkpoint was made with model=vgg8b"),
    "another size": (_with("dataset.image_size=32"), "dataset.image_size=32: the checkpoint was made with dataset.im"),
    "another colour": (_with("dataset.channels=1"), "dataset.channels=1: the checkpoint was made with dataset.channe"),
    "other labels": (_with("labels=60"), "labels=60: the checkpoint was made with labels=all"),
    "no layer file": (_layer(b"text"), "layer.load=layer_0.safetensors: not a readable layer file ("),
    "half a layer file": (_layer((300).to_bytes(8, "little") + b'{"a":'), "layer.load=layer_0.safetensors: not a read"),
    "a text to draw": (_drawn("guided", "--images", "text.png"), "--images text.png: "),
    "a layer that is not there": (_drawn("guided", "--layers", "17"), "--layers=17: choose 0 to 5, or head"),
}

_OF_A_RUN_THAT_FAILED = {"config.yaml", "failure.txt", "lwtrain.log", "metrics.csv", "split.json"}
"""What may lie in the folder of a run that was refused after it had begun, besides .hydra/ with its words."""


@pytest.mark.parametrize("case", WITH_DATA)
def test_a_wrong_file_is_told(case: str, classifier_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwtrain"])
    make, beginning = WITH_DATA[case]
    words = make(classifier_run)
    outcome = answer(tmp_path, words)
    beginning = _filled(beginning, tmp_path)
    notes, found, said = outcome["said"].partition(beginning)  # a run that has begun says first what it goes by
    assert found, notes
    outcome["said"] = found + said
    check_told(outcome, beginning)
    new = {Path(place).relative_to(tmp_path) for place in outcome["changed"]}
    left = {place.name for place in new if ".hydra" not in place.parts}
    assert {name for name in left if not name.startswith("events.")} <= _OF_A_RUN_THAT_FAILED  # TensorBoard's
    assert all(place.parts[0] == "new" for place in new)
    if "failure.txt" in left:
        assert (tmp_path / "new/failure.txt").read_text() == outcome["said"]
        assert yaml.safe_load((tmp_path / "new/config.yaml").read_text())
