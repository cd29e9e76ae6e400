import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.courses import COURSES, Course


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("constant", lambda progress: 1.0),
        ("linear", lambda progress: 1 - progress),
        ("cosine", lambda progress: math.cos(math.pi * progress / 2) ** 2),
    ],
)
def test_courses_follow_their_formulas(name: str, left: Callable[[float], float]) -> None:
    for progress in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert Course(name).left(50 * progress, 50) == pytest.approx(left(progress))


def test_halving_halves_after_every_so_many_epochs_however_many_there_are() -> None:
    done = [0.0, 0.5, 19.99, 20.0, 39.99, 40.0, 99.99]
    course = Course("halving", halve_every=20)
    for epochs in (100, 1000):
        assert [course.left(epoch, epochs) for epoch in done] == [1, 1, 1, 0.5, 0.5, 0.25, 0.0625]


@pytest.mark.parametrize("epochs", [50, 100, 400])
def test_steps_come_with_the_first_batch_behind_each_share_of_the_epochs(epochs: int) -> None:
    course = Course("steps", drops_at=[0.29, 0.58, 0.9], drop_factor=0.2)
    for number, share in enumerate((29, 58, 90)):
        if epochs * share % 100 == 0:
            epoch = epochs * share // 100
            assert course.left(epoch - 1e-6, epochs) == pytest.approx(0.2**number)
            assert course.left(float(epoch), epochs) == pytest.approx(0.2 ** (number + 1))
    assert course.left(epochs - 0.5, epochs) == pytest.approx(0.2**3)


@pytest.mark.parametrize(
    ("course", "left"),
    [
        (Course("linear", warm_up=0.25), {25: 1.0, 50: 2 / 3, 75: 1 / 3, 100: 0.0}),
        (Course("cosine", warm_up=0.5), {50: 1.0, 75: 0.5, 100: 0.0}),
        (Course("constant", warm_up=0.1), {10: 1.0, 99: 1.0}),
        (Course("halving", halve_every=20, warm_up=0.1), {10: 1.0, 29: 1.0, 30: 0.5, 50: 0.25}),
        (Course("steps", drops_at=[0.5], drop_factor=0.1, warm_up=0.2), {20: 1.0, 59: 1.0, 60: 0.1, 99: 0.1}),
    ],
    ids=lambda value: value.name if isinstance(value, Course) else "",
)
def test_a_warm_up_rises_evenly_and_the_course_has_the_epochs_behind_it(
    course: Course, left: dict[float, float]
) -> None:
    rise = 100 * course.warm_up
    for share in (0.0, 0.25, 0.9):
        assert course.left(share * rise, 100) == pytest.approx(share)
    assert {done: course.left(done, 100) for done in left} == pytest.approx(left)


@given(st.sampled_from(sorted(COURSES)), st.integers(1, 500), st.floats(0, 0.99))
def test_without_a_warm_up_rates_begin_in_full_and_with_one_at_0(name: str, epochs: int, warm_up: float) -> None:
    assert Course(name, warm_up=warm_up).left(0.0, epochs) == (0.0 if warm_up * epochs > 0 else 1.0)


@given(st.sampled_from(sorted(COURSES)), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_no_rate_rises_or_leaves_the_range_from_0_to_1(name: str, epochs: int, one: float, other: float) -> None:
    early, late = (Course(name).left(progress * epochs, epochs) for progress in sorted((one, other)))
    assert 1 >= early >= late >= 0


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^optimizer\.course=step: choose constant, linear, cosine, halving, steps$"):
        Course("step")
    with pytest.raises(ValueError, match=r"^optimizer\.halve_every=0: choose 1 or more$"):
        Course(halve_every=0)
    with pytest.raises(ValueError, match=r"^optimizer\.drop_factor=1: choose a number above 0 and below 1$"):
        Course("steps", drop_factor=1)
    with pytest.raises(ValueError, match=r"^optimizer\.warm_up=1: choose a number of at least 0 and below 1$"):
        Course(warm_up=1)


@pytest.mark.parametrize("drops_at", [(), (0.5, 0.5), (0.7, 0.2), (0.0,), (0.5, 1.0)])
def test_drops_come_one_after_the_other_and_within_the_epochs(drops_at: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"^optimizer\.drops_at=\[.*\]: choose shares above 0 and below 1"):
        Course("steps", drops_at=drops_at)
