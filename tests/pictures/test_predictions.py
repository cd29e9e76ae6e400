from pathlib import Path
from typing import Any

import pytest

from lwtrain.pictures.colours import BLUE, RED
from lwtrain.pictures.drawing import Sheet
from lwtrain.pictures.options import KINDS, PictureOptions
from lwtrain.trained_run import load_run


def test_captions_tell_class_guesses_and_whether_they_are_right(
    classifier_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[Any, ...]] = []
    notes: list[str] = []
    monkeypatch.setattr(Sheet, "note", lambda _, text: notes.append(text))
    monkeypatch.setattr(Sheet, "pictures", lambda _, *arguments, **named: shown.append((*arguments, named)))
    run = load_run(classifier_run)
    assert KINDS["predictions"].draw(run, PictureOptions(tmp_path, number=12, seed=3)) == [tmp_path / "predictions.png"]
    assert notes == [
        "Below each: its class; what the vote and the head take it for, and how surely.",
        "The vote alone decides whether it is correct, and its colour.",
    ]
    images, captions, named = shown[0]
    vote = run.stack.vote(images)
    assert len(captions) == 12
    for caption, colour, shares in zip(captions, named["colours"], vote, strict=True):
        truth, by_vote, by_head, verdict = caption.splitlines()
        share, guess = shares.max(dim=0)
        assert by_vote == f"vote: {guess} {share:.0%}"
        assert by_head.startswith("head: ")
        assert (verdict, colour) == (("correct", BLUE) if truth == str(int(guess)) else ("mistake", RED))


def test_a_head_without_a_vote_speaks_for_itself(
    autoencoder_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(Sheet, "note", lambda _, text: notes.append(text))
    KINDS["predictions"].draw(load_run(autoencoder_run), PictureOptions(tmp_path, number=2))
    assert notes == ["Below each: its class; what the head takes it for, and how surely."]
