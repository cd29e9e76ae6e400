"""The command, from what is typed to what is printed and stored."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lwtrain import cli


def evaluate(*arguments: object) -> None:
    cli.main(["evaluate", *map(str, arguments), "--device", "cpu"])


def save(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 12), (shade, shade, shade)).save(path)


def test_the_table_has_what_the_run_measured(classifier_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(classifier_run)
    said = " ".join(capsys.readouterr().out.split())
    metrics = json.loads((classifier_run / "metrics.json").read_text())
    for name in ("layer_0", "head", "vote"):
        val, test = (metrics[f"{name}/{stage}/accuracy"] for stage in ("val", "test"))
        assert f"│ {name} │ {val:.2%} │ {test:.2%} │" in said
    assert "train accuracy" not in said


def test_classes_and_a_file_can_be_had(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(classifier_run, "--on", "test", "--classes", "--json", tmp_path / "found.json")
    stored = json.loads((tmp_path / "found.json").read_text())
    assert stored["checkpoint"] == "last"
    metrics = json.loads((classifier_run / "metrics.json").read_text())
    assert stored["vote/test/accuracy"] == pytest.approx(metrics["vote/test/accuracy"], abs=1e-6)
    assert not any("/val/" in tag for tag in stored)
    said = " ".join(capsys.readouterr().out.split())
    for label, counts in enumerate(stored["confusion"]["test"]):
        assert f"│ {label} │ {sum(counts)} │ {counts[label] / sum(counts):.1%} │" in said


def test_votes_can_be_weighed_otherwise(classifier_run: Path, tmp_path: Path) -> None:
    evaluate(classifier_run, "--json", tmp_path / "equal.json")
    evaluate(classifier_run, "--weights", "doubling", "--flips", "--json", tmp_path / "doubling.json")
    equal, doubling = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("equal", "doubling"))
    assert equal["head/test/prediction"] != doubling["head/test/prediction"]  # judged with its mirror image


def test_pictures_of_ones_own_are_tested_on(classifier_run: Path, tmp_path: Path) -> None:
    for name in ("0", "2"):
        save(tmp_path / "mine" / name / "dark.png", 20)
    save(tmp_path / "mine" / "2" / "deep" / "light.jpg", 220)
    evaluate(classifier_run, "--images", tmp_path / "mine", "--json", tmp_path / "found.json")
    confusion = json.loads((tmp_path / "found.json").read_text())["confusion"]["test"]
    assert [sum(counts) for counts in confusion] == [1, 0, 2]
    assert confusion[2][confusion[0].index(1)] >= 1  # the same picture is taken for the same


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--images", "nowhere"], "--images nowhere: there is no such folder"),
        (["--images", "others"], "--images others: sofa is no class; Choices: 0, 1, 2"),
        (["--images", "empty"], "--images empty: no pictures; put them into empty/<class>/"),
        (["--images", "others", "--on", "val"], "--on: not with --images, which are what is tested on; see lwtrain"),
        (["--weights", "double"], "--weights: invalid choice: 'double'"),
        (["--data-dir", "data"], "--data-dir has no effect: dataset=fake reads nothing there"),
    ],
)
def test_mistakes_are_explained(
    classifier_run: Path,
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "others" / "sofa" / "one.png", 9)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as end:
        cli.main(["evaluate", str(classifier_run), *arguments])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(complaint)
    assert (len(printed.err.splitlines()), printed.out) == (1, "")


def test_a_run_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--classes"])
    assert capsys.readouterr().err.startswith("RUN: name a run's folder")
