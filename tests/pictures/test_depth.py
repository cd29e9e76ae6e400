from lwtrain.pictures.depth import draw_accuracy_by_depth

NAMES = ["layer_0", "layer_1", "head"]


def test_each_wave_has_a_line_over_the_layers_that_spoke_and_its_vote() -> None:
    history = {"wave 1": {"layer_0": 0.5, "head": 0.75, "vote": 0.8}, "wave 2": {"layer_0": 0.6, "layer_1": 0.7}}
    lines = draw_accuracy_by_depth(history, NAMES).axes[0].lines
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in lines][:3]
    assert drawn == [([0, 2], [50.0, 75.0]), ([3], [80.0]), ([0, 1], [60.0, 70.0])]


def test_of_many_waves_some_are_named_the_first_and_the_last_among_them() -> None:
    history = {f"wave {wave}": {"layer_0": wave / 50} for wave in range(1, 51)}
    names = [text.get_text() for text in draw_accuracy_by_depth(history, NAMES).axes[0].get_legend().get_texts()]
    assert len(names) == 6
    assert (names[0], names[-1]) == ("wave 1", "wave 50")
