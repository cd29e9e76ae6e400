from typing import get_args, get_type_hints

from lwtrain.commands.evaluate import WEIGHTS
from lwtrain.commands.trained import DEVICES
from lwtrain.config.schema import TrainerConfig, VoteConfig


def test_choices_are_those_of_the_settings() -> None:
    """They stand beside the commands so that help need not read the schemas."""
    assert get_args(get_type_hints(TrainerConfig)["accelerator"]) == DEVICES
    assert get_args(get_type_hints(VoteConfig)["weights"]) == WEIGHTS
