"""The command, from what is typed to what is printed and stored."""

import json
from pathlib import Path

import pytest
from PIL import Image

from lwtrain import cli


def save(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 12), (shade, shade, shade)).save(path)
    return path


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_files_and_folders_are_taken_in_order(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, deep, light = (save(tmp_path / name, 9) for name in ("one.png", "some/deep/b.jpg", "some/a.png"))
    (tmp_path / "some" / "notes.txt").write_text("no picture by its name")
    cli.main(["predict", str(classifier_run), str(tmp_path / "some"), str(one)])
    found = lines(capsys.readouterr().out)
    assert [line["file"] for line in found] == [str(light), str(deep), str(one)]
    assert all(line["class"] in ("0", "1", "2") for line in found)


def test_a_csv_file_can_be_had(classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = save(tmp_path / "a, b.png", 9)
    cli.main(["predict", "--to", str(tmp_path / "found.csv"), str(classifier_run), str(picture)])
    header, row = (tmp_path / "found.csv").read_text().splitlines()
    assert header.startswith("file,class,probability,vote/0,vote/1,vote/2,layer_0/class,layer_0/probability,")
    assert row.startswith(f'"{picture}",')
    assert capsys.readouterr().out == ""


def test_a_table_says_how_many_layers_agree(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    cli.main(["predict", str(classifier_run), str(save(tmp_path / "a.png", 9)), "--format", "jsonl"])
    (found,) = lines(capsys.readouterr().out)
    assert isinstance(found["layers"], dict)
    agreeing = sum(opinion["class"] == found["class"] for opinion in found["layers"].values())
    cli.main(["predict", str(classifier_run), str(tmp_path / "a.png"), "--format", "table"])
    assert f"{agreeing} of {len(found['layers'])}" in capsys.readouterr().out


def test_pictures_that_cannot_be_read_are_named(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = save(tmp_path / "good.png", 9)
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(SystemExit) as end:
        cli.main(["predict", str(classifier_run), str(tmp_path)])
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert printed.err == f"left out: {tmp_path / 'bad.png'}: it is in no format that is known\n"
    assert [line["file"] for line in lines(printed.out)] == [str(good)]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "PICTURE: name picture files, or folders of them; see lwtrain predict --help"),
        (["gone.png"], "gone.png: there is no such file or folder"),
        (["empty"], "empty: there are no pictures in it"),
        (["a.png", "--to", "found.txt"], "--to found.txt: name a .csv or .jsonl file, or say what it is with --format"),
        (["a.png", "--format", "xml"], "--format: invalid choice: 'xml'"),
        (["a.png", "--device", "mps"], "--device mps: there is none here; choose auto or cpu"),
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
    save(tmp_path / "a.png", 9)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as end:
        cli.main(["predict", str(classifier_run), *arguments])
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(complaint)
    assert (len(printed.err.splitlines()), printed.out) == (1, "")
