"""Learning rates that SGD does not bear where a layer's classifier reads many numbers."""

from lwtrain.config.schema import BackpropConfig, Config, SGDConfig
from lwtrain.layer import HorizontalLayer
from lwtrain.optimizers import layer_rates
from lwtrain.sidecars.pool import PoolSidecar
from lwtrain.stack import LayerStack

_BEST = 450  # rate / (1 - momentum) * inputs of classifiers at a quarter and at all of VGG-11's channels, CIFAR-10
_STEEP = 1500  # 1,024 did no harm; 2,048 cost nine points in six epochs


def steep_rate(config: Config, stack: LayerStack) -> str | None:
    """Say which layer's learning rate is too high to begin with; None if all will do.

    The curvature of a linear classifier's loss grows with the squares of what it reads, so it bears the less the more
    numbers that are. Adam's steps do not grow with them, end to end there is a head of few, and a warm-up makes up for
    most of it: after half an epoch at a rate five times too high 58 % were right with one, 30 without, 64 at the best.

    Args:
        config: All settings.
        stack: The network made of them.
    """
    optimizer = config.optimizer
    if not isinstance(optimizer, SGDConfig) or optimizer.warm_up or isinstance(config.schedule, BackpropConfig):
        return None
    rates = layer_rates(optimizer.lr, optimizer.lr_decay, len(stack.layers))
    for name, layer, rate in zip(stack.names, stack.layers, rates, strict=True):
        if not isinstance(layer, HorizontalLayer) or not isinstance(layer.sidecar, PoolSidecar):
            continue
        inputs = layer.sidecar.inputs
        if rate / (1 - optimizer.momentum) * inputs > _STEEP:
            good = _BEST * (1 - optimizer.momentum) / inputs
            return (
                f"optimizer.lr: {rate:g} is much for {name}, whose classifier reads {inputs} numbers; about {good:.1g} "
                "did best in such cases; optimizer.warm_up=0.25 lets it be about three times as high"
            )
    return None
