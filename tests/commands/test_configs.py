"""The command, from what is typed to the files and what is printed."""

from pathlib import Path

import pytest

from lwtrain import cli
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.loading import load_config


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    cli.main(["configs", *arguments])
    return capsys.readouterr().out.splitlines()


def test_every_group_is_listed_with_its_choices(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split(maxsplit=1) for line in said(capsys, "list")]
    assert {group: names.split(", ") for group, names in lines} == group_choices()


def test_a_groups_choices_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "list", "encoder")
    assert [line.split()[0] for line in lines] == group_choices()["encoder"]
    assert all(len(line.split()) > 4 for line in lines)
    assert "mirror      A decoder alone: each layer's transposed counterpart" in "\n".join(lines)


def test_a_copy_is_a_choice_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "copy", "model/vgg11", "--name", "half")
    assert lines == ["conf/model/half.yaml", "change it, then: lwtrain --config-dir conf model=half"]
    copy = Path("conf/model/half.yaml")
    assert copy.read_text() == (conf_dir() / "model" / "vgg11.yaml").read_text()
    copy.write_text(copy.read_text().replace("width: 1.0", "width: 0.5"))
    assert load_config(["model=half"], [Path("conf")]).model.width == 0.5  # type: ignore[union-attr]  # a VGG has one


def test_several_files_are_copied_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "copy", "train", "encoder/c", "schedule/wave", "--to", "mine")
    assert sorted(map(str, Path("mine").rglob("*.yaml"))) == [
        "mine/encoder/c.yaml",
        "mine/schedule/wave.yaml",
        "mine/train.yaml",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "the following arguments are required: list|copy; see lwtrain configs --help"),
        (["list", "encodr"], "encodr: did you mean 'encoder'? Choices: callbacks"),
        (["copy", "model/vgg12"], "model/vgg12: did you mean 'vgg19'? Choices: allconv"),
        (["copy", "modl/vgg11"], "modl/vgg11: did you mean 'model'?"),
        (["copy", "../secret"], "../secret: Choices: "),
        (["copy", "encoder/a", "encoder/b", "--name", "x"], "--name: with one choice only"),
        (["copy", "encoder/b", "encoder/a", "--to", "taken"], "taken/encoder/a.yaml: there is one already"),
    ],
)
def test_mistakes_are_explained_and_nothing_is_written(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken/encoder").mkdir(parents=True)
    Path("taken/encoder/a.yaml").write_text("mine")
    with pytest.raises(SystemExit) as end:
        cli.main(["configs", *arguments])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(complaint)
    assert [str(path) for path in Path().rglob("*.yaml")] == ["taken/encoder/a.yaml"]
    assert Path("taken/encoder/a.yaml").read_text() == "mine"
