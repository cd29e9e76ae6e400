"""Which curves stand in one chart, on TensorBoard's page Custom Scalars."""

from collections.abc import Sequence

Layout = dict[str, dict[str, list[str | list[str]]]]


def charts(names: Sequence[str], *, rebuilds: bool = False, autoencodes: bool = False) -> Layout:
    """Lay the curves of a run out, as `SummaryWriter.add_custom_scalars` takes it.

    TensorBoard looks for tags that begin as a pattern says, so each pattern says how they end, too.

    Args:
        names: Of the layers that have a loss of their own, the head's last.
        rebuilds: Whether layers rebuild their input.
        autoencodes: Whether images are rebuilt by the whole network.

    Example:
        >>> charts(["layer_0", "layer_1", "head"])["accuracy"]["vote, head and last layer (validation)"]
        ['Multiline', ['vote/val/accuracy$', 'head/val/accuracy$', 'layer_1/val/accuracy$']]
    """
    last = [f"{name}/val/accuracy$" for name in ("vote", *reversed(names[-2:]))]
    accuracy = {
        "vote, head and last layer (validation)": last,
        "all layers (validation)": [f"{name}/val/accuracy$" for name in names],
        "all layers (training)": [f"{name}/train/accuracy$" for name in names],
        "vote of the layers trained so far (validation)": ["vote/val/accuracy_so_far$"],
    }
    losses = {
        "all layers (training)": [f"{name}/train/loss$" for name in names],
        "cross entropy, all layers (validation)": [f"{name}/val/prediction$" for name in names],
    }
    if rebuilds:
        losses["reconstruction (training)"] = [f"{name}/train/reconstruction(_unlabelled)?$" for name in names]
    if autoencodes:
        losses["reconstruction of whole images"] = ["val/reconstruction$", "test/reconstruction$"]
    course = {
        "layer that trains (-1: all)": ["schedule/layer$"],
        "learning rates": [r"\w+/lr$"],
        "seconds of an epoch, by part": [r"time/\w+$"],
    }
    groups = {"accuracy": accuracy, "losses": losses, "course of the run": course}
    return {group: {title: ["Multiline", tags] for title, tags in chosen.items()} for group, chosen in groups.items()}
