"""The command, from what is typed to the files and what is printed."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from lwtrain import cli
from lwtrain.pictures.drawing import Sheet

CHECKOUT = Path(__file__).resolve().parents[2]


def visualize(*arguments: object) -> None:
    cli.main(["visualize", *map(str, arguments)])


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_all_pictures_that_a_run_allows(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    visualize(classifier_run, "--to", tmp_path, "--number", 3)
    drawn = ["curves.png", "filters.png", "guided.png", "predictions.png", "reconstructions.png"]
    assert files(tmp_path) == drawn
    assert all(min(size_of(tmp_path / name)) > 200 for name in drawn)
    printed = capsys.readouterr()
    assert sorted(printed.out.split()) == [str(tmp_path / name) for name in drawn]
    assert [line.partition(":")[0] for line in printed.err.splitlines()] == ["left out"] * 2  # codes and mixtures


def test_an_autoencoder_shows_pairs_codes_and_mixtures(autoencoder_run: Path, tmp_path: Path) -> None:
    visualize(autoencoder_run, "reconstructions", "codes", "mixtures", "curves", "--to", tmp_path)
    assert files(tmp_path) == ["autoencoder_pairs.png", "codes.png", "curves.png", "mixtures.png"]


def test_pictures_lie_in_the_runs_folder(classifier_run: Path) -> None:
    visualize("--layers", "1,head", classifier_run, "guided", "--checkpoint", "best")
    assert (classifier_run / "pictures" / "guided.png").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["gided"], "gided: did you mean 'guided'?"),
        (["codes"], "codes: no image can be rebuilt from this run's code: its layers rebuild each its own input"),
        (["curves", "--seed", "1"], "--seed has no effect on curves, only on filters, predictions"),
        (["guided", "--layers", "17"], "--layers=17: choose 0 to 5, or head"),
        (["guided", "--images", "gone.png"], "--images gone.png: there is no such file"),
        (["curves", "--data-dir", "data"], "--data-dir has no effect: dataset=fake reads nothing there"),
        (["curves", "--to", "/proc/pictures"], "--to=/proc/pictures: cannot be written to"),
        (["curves", "--to", f"{__file__}/pictures"], f"--to={__file__}/pictures: cannot be written to"),
        (["curves", "--number"], "--number: expected one argument; see lwtrain visualize --help"),
        (["curves", "--checkpoint", "first"], "--checkpoint: invalid choice: 'first'"),
    ],
)
def test_mistakes_are_explained(
    classifier_run: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        visualize(classifier_run, *arguments)
    assert end.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(complaint)
    assert len(printed.splitlines()) == 1


def test_a_run_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        visualize("--number", 3)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("RUN: name a run's folder")


def test_layers_that_have_not_trained_are_named_and_left_out(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = torch.load(classifier_run / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["state_dict"]["voters"][2:] = False  # as of a run that was stopped while layer_1 trained
    (tmp_path / "checkpoints").mkdir()
    torch.save(checkpoint, tmp_path / "checkpoints" / "last.ckpt")
    visualize(tmp_path, "guided", "reconstructions", "predictions", "filters", "--number", 2, "--to", tmp_path / "all")
    assert files(tmp_path / "all") == ["filters.png", "guided.png", "predictions.png", "reconstructions.png"]
    layers = ", ".join(f"layer_{number}" for number in range(2, 6))
    assert capsys.readouterr().err.splitlines() == [
        f"left out of guided: {layers}, head: not trained yet",
        f"left out of reconstructions: {layers}: not trained yet",
        "left out of predictions: head: not trained yet",
        f"left out of filters: {layers}, head: not trained yet",
    ]
    with pytest.raises(SystemExit):
        visualize(tmp_path, "filters", "--layers", "3,head")
    assert capsys.readouterr().err == "filters: layer_3, head: not trained yet\n"


def test_one_image_of_ones_own_is_enough(classifier_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (20, 20), "red").save(tmp_path / "red.png")
    notes: list[str] = []
    monkeypatch.setattr(Sheet, "note", lambda _, text: notes.append(text))
    visualize(classifier_run, "guided", "reconstructions", "--images", tmp_path / "red.png", "--to", tmp_path)
    assert notes[0] == "Bright pixels speak for it, dark ones against it."  # no class to be right about
    assert notes[1] == "Shares are of the variance over 150 training images."


def test_a_number_has_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        visualize(tmp_path, "--number", "0")
    assert "0: choose a whole number, 1 or more" in capsys.readouterr().err


def test_help_comes_without_torch() -> None:
    code = "import sys, lwtrain.cli\ntry: lwtrain.cli.main(['visualize', '--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'hydra')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert "mixtures" in done.stdout
