"""Medians, spreads and ratios."""

from dataclasses import replace

import pytest
from measured import ROWS, results, sample

from benchmarking.results import Figure, figure, memory, speed, time

WAVE, PUBLISHED = "speed/vgg11/wave-c-memory", "speed/vgg11/published-c"


def test_a_figure_is_the_median_with_the_lowest_and_the_highest_value() -> None:
    assert figure([4.0, 1.0, 2.0]) == Figure(median=2.0, lowest=1.0, highest=4.0)
    assert figure([4.0, 1.0]).median == 2.5


def test_rows_of_different_length_are_compared_per_image() -> None:
    assert ROWS[WAVE].images == 1000
    assert ROWS[PUBLISHED].images == 256
    measured = results(sample(WAVE, seconds=2.0), sample(PUBLISHED, seconds=2.56))
    assert measured.figure(WAVE, time) == Figure(2.0, 2.0, 2.0)
    assert measured.ratio(WAVE, PUBLISHED, time) == pytest.approx(Figure(0.2, 0.2, 0.2))
    assert measured.ratio(WAVE, PUBLISHED, speed) == pytest.approx(Figure(5.0, 5.0, 5.0))


def test_layer_images_count_an_image_once_per_layer() -> None:
    assert sample(WAVE, seconds=3.0).layer_images_per_second == 1000 * 9 / 3


def test_ratios_are_taken_round_by_round() -> None:
    """The machine is three times slower in the second round, for both."""
    slow = [sample(WAVE, repeat, seconds=seconds) for repeat, seconds in enumerate([2.0, 6.0, 2.2])]
    fast = [sample("speed/vgg11/backprop-bf16", repeat, seconds=seconds) for repeat, seconds in enumerate([1.0, 3.0])]
    assert results(*slow, *fast).ratio(WAVE, "speed/vgg11/backprop-bf16", time) == Figure(2.0, 2.0, 2.0)


def test_without_a_common_round_there_is_no_ratio() -> None:
    assert results(sample(WAVE, 0), sample(PUBLISHED, 1)).ratio(WAVE, PUBLISHED, time) is None
    assert results().figure(WAVE, memory) is None


def test_samples_of_a_row_with_other_settings_are_left_out() -> None:
    other = replace(sample(WAVE), row=replace(ROWS[WAVE], images=77))
    assert results(other).samples(WAVE) == []


def test_a_failure_shows_only_where_nothing_was_measured() -> None:
    failure = replace(sample(WAVE), error="no space")
    assert results(failure).error(WAVE) == "no space"
    assert results(failure, sample(WAVE, 1)).error(WAVE) is None
    assert len(results(failure, sample(WAVE, 1)).samples(WAVE)) == 1


def test_the_share_of_the_peak_is_that_of_the_best_product_of_the_same_precision() -> None:
    measured = results(
        sample("peak/2048/product-bf16", operations=3e12),
        sample("peak/4096/product-bf16", operations=4e12),
        sample("peak/4096/product-fp32", operations=1e12),
        sample(WAVE, operations=1e12),
        sample(PUBLISHED, operations=1e11),
    )
    assert measured.share_of_peak(ROWS[WAVE]) == 0.25
    assert measured.share_of_peak(ROWS[PUBLISHED]) == 0.1
    assert results(sample(WAVE)).share_of_peak(ROWS[WAVE]) is None
