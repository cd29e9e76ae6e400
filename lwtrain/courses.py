"""How a learning rate rises and falls while a layer trains."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SLACK = 1e-9  # 0.29 * 100 is 28.999...: a drop after 29 epochs of 100 must not come late


@dataclass(frozen=True)
class Course:
    """What is left of a layer's learning rate, by how many of its own epochs it has behind it.

    Args:
        name: "constant"; "linear" or "cosine", both to 0; "halving"; or "steps".
        halve_every: With "halving", how many epochs lie between two halvings.
        drops_at: With "steps", the shares of the epochs after which the rate drops, in order.
        drop_factor: With "steps", what the rate is multiplied by at each drop.
        warm_up: The share of the epochs over which the rate first rises evenly from 0. The course begins behind it, and
            its epochs are those that are left. Where losses are sharp at first, it lets rates be several times as high
            (Goyal et al. 2017, arXiv:1706.02677).

    Raises:
        ValueError: If there is no such course, or a setting is out of range.

    Example:
        >>> course = Course("steps", drops_at=(0.5, 0.75), drop_factor=0.1)
        >>> [round(course.left(done, epochs=400), 6) for done in (0, 199.9, 200, 300, 399)]
        [1.0, 1.0, 0.1, 0.01, 0.01]
        >>> course = Course("linear", warm_up=0.25)
        >>> [course.left(done, epochs=8) for done in (0, 1, 2, 5, 8)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    name: str = "linear"
    halve_every: int = 20
    drops_at: Sequence[float] = (0.5, 0.75)
    drop_factor: float = 0.1
    warm_up: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in COURSES:
            raise ValueError(f"optimizer.course={self.name}: choose {', '.join(COURSES)}")
        if self.halve_every < 1:
            raise ValueError(f"optimizer.halve_every={self.halve_every}: choose 1 or more")
        check_drops(self.drops_at)
        if not 0 < self.drop_factor < 1:
            raise ValueError(f"optimizer.drop_factor={self.drop_factor}: choose a number above 0 and below 1")
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"optimizer.warm_up={self.warm_up}: choose a number of at least 0 and below 1")

    def left(self, done: float, epochs: int) -> float:
        """Give what the initial rate is to be multiplied by.

        Args:
            done: The epochs that the layer has behind it, parts of them included.
            epochs: How many it has in all.
        """
        rise = self.warm_up * epochs
        return done / rise if done < rise else COURSES[self.name](self, done - rise, epochs - rise)


def check_drops(drops_at: Sequence[float]) -> None:
    """Refuse drops that do not lie within a layer's epochs, one after the other.

    Raises:
        ValueError: If so.

    Example:
        >>> check_drops([0.75, 0.5])
        Traceback (most recent call last):
        ValueError: optimizer.drops_at=[0.75,0.5]: choose shares above 0 and below 1, in rising order
    """
    within = all(0 < share < 1 for share in drops_at)
    if not drops_at or not within or any(one >= other for one, other in pairwise(drops_at)):
        shown = ",".join(map(str, drops_at))
        allowed = "choose shares above 0 and below 1, in rising order"
        raise ValueError(f"optimizer.drops_at=[{shown}]: {allowed}")


def _steps(course: Course, done: float, epochs: float) -> float:
    return course.drop_factor ** sum(done >= share * epochs - _SLACK for share in course.drops_at)


COURSES: dict[str, Callable[[Course, float, float], float]] = {
    "constant": lambda *_: 1.0,
    "linear": lambda _, done, epochs: 1.0 - done / epochs,
    "cosine": lambda _, done, epochs: (1.0 + math.cos(math.pi * done / epochs)) / 2.0,
    "halving": lambda course, done, _: 0.5 ** (done // course.halve_every),
    "steps": _steps,
}
"""The courses by name: what is left of the rate, by the epochs done of how many, those of the warm-up not counted."""
