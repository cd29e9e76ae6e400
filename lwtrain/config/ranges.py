"""What a setting takes beyond its plain type, written into the type."""

import math
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """An interval of finite numbers that can say what it holds.

    Example:
        >>> share = Range(above=0, below=1)
        >>> 0.5 in share, 1 in share, float("nan") in share, str(share)
        (True, False, False, 'above 0 and below 1')
    """

    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf

    def __contains__(self, number: float) -> bool:
        return self.at_least <= number <= self.at_most and self.above < number < self.below

    def __str__(self) -> str:
        bounds = {"at least": self.at_least, "above": self.above, "at most": self.at_most, "below": self.below}
        text = " and ".join(f"{word} {bound:.12g}" for word, bound in bounds.items() if math.isfinite(bound))
        return f"of {text}" if text.startswith("at") else text


class OrAuto:
    """Lets a setting be `auto` in YAML. What that is follows from other settings; a config holds the outcome."""


Index = Annotated[int, Range(at_least=0)]
Count = Annotated[int, Range(at_least=1)]
Positive = Annotated[float, Range(above=0)]
NotNegative = Annotated[float, Range(at_least=0)]
Share = Annotated[float, Range(above=0, below=1)]
ShareOrNone = Annotated[float, Range(at_least=0, below=1)]
ShareOrAll = Annotated[float, Range(above=0, at_most=1)]
