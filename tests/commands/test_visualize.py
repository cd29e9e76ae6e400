"""The command, from what is typed to the files and what is printed."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lwtrain import cli

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
        (["codes"], "codes: this run is no autoencoder"),
        (["curves", "--seed", "1"], "--seed has no effect on curves, only on filters, predictions"),
        (["guided", "--layers", "17"], "--layers=17: choose 0 to 5, or head"),
        (["guided", "--images", "gone.png"], "--images gone.png: there is no such file"),
    ],
)
def test_mistakes_are_explained(
    classifier_run: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        visualize(classifier_run, *arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(complaint)


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
