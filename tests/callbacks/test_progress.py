import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console
from tiny import fit, tiny_autoencoder

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, WaveSchedule
from lwtrain.callbacks.progress import PlainProgress, TerminalProgress
from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.callbacks.time_left import TimeLeft
from lwtrain.stack import LayerStack


def run(
    schedule: LayerSchedule,
    kind: type[PlainProgress] = PlainProgress,
    terminal: bool = False,
    stack: LayerStack | None = None,
) -> tuple[str, LayerStack]:
    screen = io.StringIO()
    console = Console(file=screen, width=120, highlight=False, soft_wrap=True, force_terminal=terminal)
    stopwatch = Stopwatch(schedule)
    stack = fit(schedule, stack, callbacks=[stopwatch, kind(schedule, stopwatch, console), ReconstructionError()])
    return screen.getvalue(), stack


@pytest.fixture(scope="module")
def waves() -> tuple[list[str], LayerStack]:
    text, stack = run(WaveSchedule(2, 2))
    return text.splitlines(), stack


def test_every_epoch_has_a_line_that_says_where_the_run_is(waves: tuple[list[str], LayerStack]) -> None:
    places = [line.split("  loss")[0] for line in waves[0]]
    assert places == [f"wave {wave}/2  layer {layer}/3" for wave in (1, 2) for layer in (1, 2, 3)]


def test_a_line_has_the_figures_of_its_own_epoch(waves: tuple[list[str], LayerStack]) -> None:
    lines, stack = waves
    for line, name in zip(lines[-3:], ("layer_0", "layer_1", "head"), strict=True):
        assert f"loss {stack.figures[f'{name}/train/loss']:.3f}" in line
        assert f"train {stack.figures[f'{name}/train/accuracy']:6.1%}" in line
        assert f"val {stack.figures[f'{name}/val/accuracy']:6.1%}" in line
        assert re.search(r"[\d,]+ images/s$", line)
    assert f"vote {stack.figures['vote/val/accuracy']:6.1%}" in lines[-1]


@pytest.mark.parametrize(
    ("schedule", "places"),
    [
        (
            lambda: SequentialSchedule(2),
            [f"layer {layer}/3  epoch {epoch}/2" for layer in (1, 2, 3) for epoch in (1, 2)],
        ),
        (lambda: BackpropSchedule(2), ["all layers  epoch 1/2", "all layers  epoch 2/2"]),
    ],
)
def test_a_place_names_what_there_is_more_than_one_of(schedule: Callable[[], LayerSchedule], places: list[str]) -> None:
    assert [line.split("  loss")[0] for line in run(schedule())[0].splitlines()] == places


def test_an_autoencoders_lines_have_its_own_error() -> None:
    text, stack = run(BackpropSchedule(2), stack=tiny_autoencoder())
    lines = text.splitlines()
    assert all(re.search(r"  reconstruction 0\.\d{4}  [\d,]+ images/s$", line) for line in lines)
    assert f"reconstruction {stack.figures['val/reconstruction']:.4f}" in lines[-1]


def test_the_error_is_told_once_every_decoder_has_learned() -> None:
    text, _ = run(SequentialSchedule(1), stack=tiny_autoencoder())
    assert ["reconstruction" in line for line in text.splitlines()] == [False, False, True, True]


def test_a_classifiers_lines_have_no_such_error(waves: tuple[list[str], LayerStack]) -> None:
    assert not any("reconstruction" in line for line in waves[0])


def test_a_terminal_shows_the_lines_of_past_epochs_and_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.callbacks.progress._REFRESH_SECONDS", 0.0)
    text, stack = run(WaveSchedule(1, 1), TerminalProgress, terminal=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    for layer, name in enumerate(stack.names, start=1):
        assert re.search(rf"layer {layer}/3  loss {stack.figures[f'{name}/train/loss']:.3f}", plain)
    assert "━" in plain
    assert re.search(r"loss \d\.\d+  accuracy \d+\.\d%  [\d,]+ images/s", plain)


@pytest.mark.parametrize("kind", [PlainProgress, TerminalProgress])
def test_lines_say_how_long_the_run_still_takes(kind: type[PlainProgress]) -> None:
    screen, schedule = io.StringIO(), WaveSchedule(2, 2)
    console = Console(file=screen, width=160, highlight=False, soft_wrap=True)
    stopwatch, time_left = Stopwatch(schedule), TimeLeft(schedule)
    fit(schedule, callbacks=[stopwatch, time_left, kind(schedule, stopwatch, console, time_left)])
    lines = [line for line in screen.getvalue().splitlines() if "images/s" in line]
    said = [line.partition("images/s")[2] for line in lines]
    assert all(re.fullmatch(r"  about \d+ s left", each) for each in said[:2])
    assert all(re.fullmatch(r"  \d+ s left", each) for each in said[2:5])
    assert said[5:] == [""]


def test_a_bar_has_the_terminals_own_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.callbacks.progress._REFRESH_SECONDS", 0.0)
    text, _ = run(WaveSchedule(1, 1), TerminalProgress, terminal=True)
    colours = {code for codes in re.findall(r"\x1b\[([\d;]*)m", text) for code in codes.split(";")}
    assert colours <= {"", "0", "2", "32"}  # nothing, dimmed and green: no white, black or yellow, nor fixed shades
    assert "32" in colours


def test_a_bar_gives_way_to_an_error() -> None:
    screen = io.StringIO()
    schedule = WaveSchedule(1, 1)
    stopwatch = Stopwatch(schedule)
    progress = TerminalProgress(schedule, stopwatch, Console(file=screen, width=120, force_terminal=True))

    class Fails(Stopwatch):
        def on_train_batch_end(self, *given: object) -> None:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fit(schedule, callbacks=[progress, stopwatch, Fails(schedule)])
    assert not progress._bar.live.is_started
