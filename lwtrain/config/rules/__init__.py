"""The rules by which settings fit each other.

A rule names the settings that it looks at by its parameters, and raises a ValueError that begins with the one at fault.
Those of one file look at what belongs together. A later rule is not asked about what an earlier one has found wrong.
"""

from collections.abc import Callable

from lwtrain.config.rules import images, local_problems, network, runs, votes

RULES: tuple[Callable[..., None], ...] = (
    *network.RULES,
    *images.RULES,
    *local_problems.RULES,
    *runs.RULES,
    *votes.RULES,
)
