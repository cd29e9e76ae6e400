import subprocess
import sys
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lwtrain.duties import Duty
from lwtrain.pictures.colours import BLUE, RED
from lwtrain.pictures.timeline import Bar, bars, draw_timeline
from lwtrain.schedules import Visit, backprop, custom, sequential, simultaneous, timetable, wave

NAMES = ["layer_0", "layer_1", "head"]


def drawn(figure: Figure) -> list[tuple[float, float, float, float, str]]:
    """Each bar's start, length, bottom, height and colour."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return [
        (
            patch.get_x(),
            patch.get_width(),
            round(patch.get_y(), 3),
            round(patch.get_height(), 3),
            to_hex(patch.get_fc()),
        )
        for patch in patches
    ]


def trained(figure: Figure) -> list[tuple[float, float, float]]:
    """Start, length and bottom of the bars that are not shaded."""
    patches = [patch for patch in figure.axes[0].patches if patch.get_alpha() is None]
    return [(each.get_x(), each.get_width(), round(each.get_y(), 3)) for each in patches if isinstance(each, Rectangle)]


def test_a_wave_climbs_from_the_first_layer_to_the_head() -> None:
    figure = draw_timeline(wave(3, epochs=2, waves=2), NAMES)
    assert trained(figure) == [(0, 1, 0.1), (1, 1, 1.1), (2, 1, 2.1), (3, 1, 0.1), (4, 1, 1.1), (5, 1, 2.1)]
    assert figure.axes[0].get_xlim() == (0, 6)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == NAMES


def test_layers_below_the_active_one_are_shaded() -> None:
    assert bars(sequential(3, epochs=4), num_layers=3) == [
        Bar(Duty.TRAINS, (0, 1), (0, 4)),
        Bar(Duty.SERVES, (0, 1), (4, 8)),
        Bar(Duty.TRAINS, (1, 2), (4, 8)),
        Bar(Duty.SERVES, (0, 1), (8, 12)),
        Bar(Duty.SERVES, (1, 2), (8, 12)),
        Bar(Duty.TRAINS, (2, 3), (8, 12)),
    ]


def test_simultaneous_fills_each_row_by_itself() -> None:
    figure = draw_timeline(simultaneous(3, epochs=5), NAMES)
    assert drawn(figure) == [(0, 5, 0.1 + layer, 0.8, BLUE.lower()) for layer in range(3)]


def test_backprop_is_one_block_across_all_rows() -> None:
    figure = draw_timeline(backprop(3, epochs=5), NAMES)
    assert drawn(figure) == [(0, 5, 0.1, 2.8, RED.lower())]


def test_waves_are_parted_and_numbered() -> None:
    figure = draw_timeline(wave(3, epochs=6, waves=3), NAMES)
    figure.draw_without_rendering()
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [6, 12]
    (above,) = figure.axes[0].child_axes
    assert list(above.get_xticks()) == [3, 9, 15]
    assert [label.get_text() for label in above.get_xticklabels()] == ["1", "2", "3"]


def test_one_wave_has_no_number() -> None:
    axes = draw_timeline(sequential(3, epochs=2), NAMES).axes[0]
    assert (list(axes.lines), axes.child_axes) == ([], [])


def test_many_waves_are_not_all_numbered() -> None:
    (above,) = draw_timeline(wave(3, epochs=60, waves=60), NAMES).axes[0].child_axes
    assert 10 <= len(above.get_xticks()) <= 22


def test_the_legend_names_what_is_drawn() -> None:
    (legend,) = draw_timeline([Visit(1, 2)], NAMES).legends
    assert [text.get_text() for text in legend.get_texts()] == ["trains", "rests, serves the front"]


def test_pages_of_any_colour_shine_through() -> None:
    figure = draw_timeline(wave(3, epochs=2, waves=2), NAMES)
    assert figure.get_facecolor() == (0, 0, 0, 0)
    assert not figure.axes[0].patch.get_visible()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.fixed_dictionaries({"layer": st.integers(0, 3), "epochs": st.integers(1, 3)}), min_size=1))
def test_bars_say_what_the_timetable_says(entries: list[dict[str, int]]) -> None:
    visits = list(custom(4, entries))
    training = {
        (bar.layers[0], epoch) for bar in bars(visits, 4) if bar.duty is Duty.TRAINS for epoch in range(*bar.epochs)
    }
    assert training == {(moment.visit.layer, epoch) for epoch, moment in enumerate(timetable(visits))}


def test_a_layer_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a visit goes to layer 3; name 4 layers or more$"):
        draw_timeline([Visit(3, 1)], NAMES)
    with pytest.raises(ValueError, match="name at least one visit"):
        draw_timeline([], NAMES)


def test_torch_is_not_needed() -> None:
    code = "import sys, lwtrain.pictures.timeline, lwtrain.timeline_text; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_bars_of_a_wave_do_not_overlap() -> None:
    found = sorted(bars(wave(3, 4, 2), 3), key=lambda bar: (bar.layers, bar.epochs))
    for _, row in groupby(found, key=lambda bar: bar.layers):
        edges = [edge for bar in row for edge in bar.epochs]
        assert edges == sorted(edges)
