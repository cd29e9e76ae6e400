"""What every estimator of dependence promises."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Estimator(Protocol):
    """Measures how much two variables tell about each other, from samples drawn together.

    Promises that the same samples give the same figure, and that no global random number generator moves. Anything
    with such a method will do, without being derived from this class.
    """

    def criterion(self, x: Tensor, y: Tensor) -> Tensor | float:
        """Estimate the dependence between `x` and `y`.

        Args:
            x: (samples, ...), numbers of any shape; or class labels: (samples,), integers.
            y: As many samples, of another shape if need be.

        Returns:
            A scalar tensor or a number, the larger the more dependent.
        """
        ...
