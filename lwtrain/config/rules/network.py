"""Whether a backbone can be built as it is asked for."""

from collections.abc import Callable

from lwtrain.config.schema import MapConfig, ModelConfig
from lwtrain.registry import choices_hint


def _backbone_can_be_cut_into_layers(model: ModelConfig) -> None:
    _ = model.num_layers


def _map_suits_the_backbone(model: ModelConfig, map: MapConfig) -> None:
    if map.name not in ("auto", *model.maps):
        raise ValueError(f"map={map.name}: {choices_hint(map.name, ['auto', *model.maps])} (for model={model.name})")


RULES: tuple[Callable[..., None], ...] = (
    _backbone_can_be_cut_into_layers,
    _map_suits_the_backbone,
)
