"""Batch norm's statistics estimated anew, for weights that no batch has passed yet."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lwtrain.evaluating import evaluating


@contextmanager
def estimating(network: nn.Module, parts: Iterable[nn.Module]) -> Iterator[None]:
    """Let the batch norms of some parts of a network forget, and gather from the batches that pass in the meantime.

    Each ends with the mean over all batches of what the batches gave, as after torch's `update_bn` (Izmailov et al.
    2018, arXiv:1803.05407, section 3.2). That puts the whole network into training mode; here nothing but those batch
    norms is in it, so no dropout blurs what they see. One that no batch reaches keeps its statistics.

    Args:
        network: In evaluation mode meanwhile; afterwards each module is in its own mode again.
        parts: The modules of it whose batch norms gather.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.BatchNorm1d(1), nn.Dropout(0.5))
        >>> with estimating(network, [network]):
        ...     for batch in ([1.0, 3.0], [5.0, 7.0]):
        ...         _ = network(torch.tensor(batch)[:, None])
        >>> network[0].running_mean, network[0].running_var
        (tensor([4.]), tensor([2.]))
    """
    norms = [norm for norm in batch_norms(parts) if norm.track_running_stats]
    kept = [(norm.momentum, [buffer.clone() for buffer in norm.buffers()]) for norm in norms]
    with evaluating(network):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # torch's sign for a plain mean
            norm.train()
        try:
            yield
        finally:
            for norm, (momentum, buffers) in zip(norms, kept, strict=True):
                norm.momentum = momentum
                if not norm.num_batches_tracked:
                    for buffer, earlier in zip(norm.buffers(), buffers, strict=True):
                        buffer.copy_(earlier)


def batch_norms(modules: Iterable[nn.Module]) -> list[_BatchNorm]:
    """Find all batch norms in some modules."""
    return [module for each in modules for module in each.modules() if isinstance(module, _BatchNorm)]
