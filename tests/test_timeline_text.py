import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwtrain.schedules import Visit, backprop, sequential, simultaneous, wave
from lwtrain.timeline_text import timeline_text

NAMES = ["layer_0", "layer_1", "head"]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_a_row_shows_when_its_layer_trains() -> None:
    assert lines(timeline_text(sequential(3, epochs=3), NAMES, width=17)) == [
        "head    ······███",
        "layer_1 ···███░░░",
        "layer_0 ███░░░░░░",
        "epoch   1       9",
        "█ trains  ░ rests, serves the front  · waits",
    ]


def test_waves_are_numbered_where_they_begin() -> None:
    assert lines(timeline_text(wave(3, epochs=3, waves=3), NAMES, width=17))[0] == "wave    1  2  3"


def test_all_layers_train_together() -> None:
    assert lines(timeline_text(simultaneous(3, epochs=2), NAMES, width=12))[1:] == [
        "layer_1 ████",
        "layer_0 ████",
        "epoch   1  2",
        "█ trains",
    ]


def test_end_to_end_looks_otherwise() -> None:
    assert lines(timeline_text(backprop(3, epochs=1), NAMES))[2:] == [
        "layer_0 ▓▓▓▓",
        "epoch   1",
        "▓ trains end to end",
    ]


def test_long_schedules_are_scaled_down() -> None:
    assert lines(timeline_text(sequential(3, epochs=100), NAMES, width=20)) == [
        "head    ········████",
        "layer_1 ····████░░░░",
        "layer_0 ████░░░░░░░░",
        "epoch   1        300",
        "█ trains  ░ rests, serves the front  · waits",
    ]


def test_a_column_of_many_epochs_tells_who_trains_in_some() -> None:
    text = lines(timeline_text(wave(2, epochs=50, waves=50), ["layer_0", "head"], width=18))
    assert text[1:3] == ["head    ▒▒▒▒▒▒▒▒▒▒", "layer_0 ▒▒▒▒▒▒▒▒▒▒"]
    assert text[-1] == "▒ trains in some of these epochs"


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 30), st.integers(20, 90))
def test_no_row_is_wider_than_it_may_be(num_layers: int, share: int, waves: int, width: int) -> None:
    text = timeline_text(wave(num_layers, share * waves, waves), [f"layer_{n}" for n in range(num_layers)], width)
    *rows, _ = text.splitlines()
    assert max(map(len, rows)) <= width
    assert len({len(row) for row in rows if row.startswith("layer")}) == 1


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="width=8: choose 9 or more, for names of 7 letters"):
        timeline_text(sequential(3, epochs=1), NAMES, width=8)
    with pytest.raises(ValueError, match="a visit goes to layer 5"):
        timeline_text([Visit(5, 1)], NAMES)
