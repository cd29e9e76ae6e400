"""Batch-norm statistics of a tiny stack, computed from what enters each batch norm."""

import torch
from tiny import tiny_stack
from torch import Tensor, nn

from lwtrain.stack import LayerStack


def batch_statistics(stack: LayerStack, batches: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """The mean over batches of what enters each batch norm of a tiny stack, where all go by the batch at hand."""
    entered: dict[str, list[Tensor]] = {}
    copy = tiny_stack()
    copy.layers.load_state_dict(stack.layers.state_dict())
    copy.eval()
    for name, norm in copy.layers.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.train().register_forward_pre_hook(
                lambda _, inputs, name=name: entered.setdefault(name, []).append(inputs[0])
            )
    with torch.no_grad():
        for images, labels in batches:
            inputs = images[: len(labels)] if stack.end_to_end else images
            for part in copy.layers[:2]:
                features = part.layer(inputs)
                if not stack.end_to_end:
                    part.sidecar(features, num_labelled=len(labels))
                inputs = part.map(features)
    statistics = {}
    for name, inputs in entered.items():
        channels = [each.transpose(0, 1).flatten(1) for each in inputs]
        statistics[f"{name}.running_mean"] = torch.stack([each.mean(1) for each in channels]).mean(0)
        statistics[f"{name}.running_var"] = torch.stack([each.var(1) for each in channels]).mean(0)
    return statistics
