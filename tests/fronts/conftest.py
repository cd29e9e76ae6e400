import pytest
from small_fronts import resting_layers
from torch import nn


@pytest.fixture
def layers() -> list[nn.Module]:
    return resting_layers()
