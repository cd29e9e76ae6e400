"""How much InfoPro's two terms weigh in each layer. Plain arithmetic: settings are checked before torch is loaded."""

from collections.abc import Sequence

LayerWeight = float | Sequence[float]


def layer_weight(weight: LayerWeight, depth: int, num_layers: int) -> float:
    """Give a layer's weight: those between the first layer's and the last's lie on a line.

    Args:
        weight: One for all layers, or the first layer's and the last's.
        depth: How many layers lie below.
        num_layers: How many there are, the head not counted; of a single one the first weight is taken.

    Example:
        >>> [layer_weight([5.0, 1.0], depth, num_layers=3) for depth in range(3)]
        [5.0, 3.0, 1.0]
    """
    if isinstance(weight, (int, float)):
        return float(weight)
    first, last = weight
    return first + (last - first) * depth / max(1, num_layers - 1)


def check_weights(reconstruction_weight: LayerWeight, prediction_weight: LayerWeight) -> None:
    """Refuse what is no weight; whether a layer is left without any, `check_layer` tells.

    Raises:
        ValueError: If a weight is negative, or a list holds other than two.
    """
    named = {"reconstruction_weight": reconstruction_weight, "prediction_weight": prediction_weight}
    for name, weight in named.items():
        several = [weight] if isinstance(weight, (int, float)) else list(weight)
        if min(several, default=-1) < 0 or (not isinstance(weight, (int, float)) and len(several) != 2):
            allowed = "choose a number of at least 0, or two: the first layer's and the last's"
            raise ValueError(f"objective.{name}={_shown(weight)}: {allowed}")


def check_layer(
    reconstruction_weight: LayerWeight, prediction_weight: LayerWeight, depth: int, num_layers: int
) -> None:
    """Refuse a layer that nothing would teach.

    Raises:
        ValueError: If both of its weights are 0.
    """
    if not any(layer_weight(weight, depth, num_layers) for weight in (reconstruction_weight, prediction_weight)):
        remedy = f"layer {depth} would learn nothing; let it or objective.prediction_weight be above 0 there"
        raise ValueError(f"objective.reconstruction_weight={_shown(reconstruction_weight)}: {remedy}")


def _shown(weight: LayerWeight) -> str:
    return str(weight) if isinstance(weight, (int, float)) else f"[{','.join(map(str, weight))}]"
