"""Whether the votes of the layers can be counted as it is asked for."""

from collections.abc import Callable

from lwtrain.config.schema import AnyDatasetConfig, VoteConfig


def _votes_are_not_weighed_by_test_images(vote: VoteConfig, validation: float | str) -> None:
    if vote.weights in ("accuracy", "likelihood") and validation == "test":
        reason = "validation=test would weigh the layers by the test images"
        raise ValueError(f"vote.weights={vote.weights}: {reason}; choose equal or doubling, or a share to validate on")


def _mirror_images_are_of_their_class(vote: VoteConfig, dataset: AnyDatasetConfig) -> None:
    if vote.flips and not dataset.flip:
        reason = "dataset.flip=false, for a mirrored image is not of the same class"
        raise ValueError(f"vote.flips=true: {reason}; choose false")


RULES: tuple[Callable[..., None], ...] = (_votes_are_not_weighed_by_test_images, _mirror_images_are_of_their_class)
