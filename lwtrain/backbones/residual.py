"""What carries its input past itself: the pieces that residual networks are made of."""

from torch import Tensor, nn


class Residual(nn.Module):
    """Adds its input to what a branch makes of it (He et al. 2015, arXiv:1512.03385).

    A sum hands one and the same gradient to both of its terms. A branch must therefore not end in a module that writes
    its gradient over the one that comes in, as those of `lwtrain.activations` and `lwtrain.normalisation` do: the other
    term would get what they leave. torch's own are safe.

    Args:
        branch: Keeps the shape of what it reads, or gives what the shortcut gives.
        shortcut: What the input passes on its way to the sum, where the branch changes its shape; the same holds of its
            end as of the branch's.

    Example:
        >>> import torch
        >>> Residual(nn.ReLU())(torch.tensor([-1.0, 2.0]))
        tensor([-1.,  4.])
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut or nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """Give branch(x) + shortcut(x)."""
        outputs: Tensor = self.branch(inputs) + self.shortcut(inputs)
        return outputs


class Repeated(nn.Module):
    """Runs one module several times over: many steps, one set of weights.

    Args:
        module: Keeps the shape of what it reads.
        times: How often it runs.

    Example:
        >>> import torch
        >>> Repeated(Residual(nn.ReLU()), times=3)(torch.ones(1))
        tensor([8.])
    """

    def __init__(self, module: nn.Module, times: int) -> None:
        super().__init__()
        self.module, self.times = module, times

    def forward(self, inputs: Tensor) -> Tensor:
        """Give module(module(... x))."""
        for _ in range(self.times):
            inputs = self.module(inputs)
        return inputs

    def extra_repr(self) -> str:
        """Say how often."""
        return f"times={self.times}"
