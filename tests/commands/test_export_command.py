"""The command, from what is typed to the files and what is printed."""

from pathlib import Path

import pytest

from lwtrain import cli
from lwtrain.commands.export import FORMATS
from lwtrain.export import FORMS


def test_files_lie_in_the_runs_folder_and_are_named(classifier_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["export", str(classifier_run), "--format", "safetensors"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{classifier_run}/export/model.safetensors  (checked: at most 0 from the network)"
    assert lines[1] == f"{classifier_run}/export/model.json"
    assert all(Path(line.split("  ")[0]).is_file() for line in lines)


def test_what_cannot_be_written_is_left_out_unless_it_was_asked_for(
    classifier_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lwtrain.commands.export.FORMATS", ("safetensors", "onnx"))
    monkeypatch.setattr("lwtrain.export.find_spec", lambda name: None)
    cli.main(["export", str(classifier_run), "--to", str(tmp_path)])
    printed = capsys.readouterr()
    assert printed.err.startswith("left out: --format onnx: needs onnx, onnxscript, onnxruntime; pip install")
    assert (tmp_path / "model.safetensors").is_file()
    with pytest.raises(SystemExit) as end:
        cli.main(["export", str(classifier_run), "--to", str(tmp_path), "--format", "onnx"])
    assert end.value.code == 2


def test_the_command_knows_every_form() -> None:
    assert tuple(FORMS) == FORMATS
