"""The published data sets that can be chosen by name. No torch in here, so that settings can be checked at once."""

from lwtrain.data.cifar import CIFAR10, CIFAR100
from lwtrain.data.fashion_mini import FASHION_MINI
from lwtrain.data.idx import FASHION_MNIST, MNIST
from lwtrain.data.published_set import PublishedSet
from lwtrain.data.stl10 import STL10
from lwtrain.errors import ConfigError
from lwtrain.registry import choices_hint

__all__ = ["CATALOG", "PublishedSet", "dataset_info"]

CATALOG: dict[str, PublishedSet] = {
    info.name: info for info in (FASHION_MINI, CIFAR10, CIFAR100, MNIST, FASHION_MNIST, STL10)
}


def dataset_info(name: str) -> PublishedSet:
    """Look a data set up.

    Raises:
        ConfigError: If there is none of that name.

    Example:
        >>> dataset_info("cifar10").image_size
        32
        >>> dataset_info("cifar")
        Traceback (most recent call last):
        lwtrain.errors.ConfigError: dataset=cifar: did you mean 'cifar10'? Choices: fashion_mini, cifar10, ...
    """
    if name not in CATALOG:
        raise ConfigError(f"dataset={name}: {choices_hint(name, list(CATALOG))}")
    return CATALOG[name]
