"""`lwtrain describe setting=value ...`: what a run would be, without training."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.commands.parser import CommandParser, summary

if TYPE_CHECKING:
    from rich.table import Table

    from lwtrain.config.schema import Config
    from lwtrain.description import RunDescription


def main(arguments: Sequence[str]) -> None:
    """Show layers, schedule and memory.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If anything is wrong with the settings; the message has a line for each mistake.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_intermixed_args(arguments)

    from lwtrain.config.loading import load_config

    config = load_config(given.settings, [given.config_dir] if given.config_dir else [])

    from rich.console import Console

    from lwtrain.description import describe
    from lwtrain.errors import settings_at_fault
    from lwtrain.timeline_text import timeline_text

    with settings_at_fault():
        found = describe(config)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200  # a file or a pipe has no edge
    console.print(_network(found, config), soft_wrap=True)
    console.print(_layers(found))
    console.print(f"\n{_schedule(found, config)}", soft_wrap=True)
    width = shutil.get_terminal_size((100, 24)).columns
    console.print(timeline_text(found.visits, [layer.name for layer in found.layers], max(40, min(width, 120))))
    console.print(f"\n{_memory(found)}", soft_wrap=True)


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser(
        "lwtrain describe",
        usage="lwtrain describe [group=choice] [setting=value] ... [options]",
        description=summary("describe") + " No image is read or downloaded.",
        epilog="Settings are those of a training: see lwtrain --help",
    )
    parser.add_argument("settings", metavar="setting=value", nargs="*", help="as for a training")
    parser.add_argument("--config-dir", metavar="DIR", type=Path, help="take YAML files from DIR, too")
    return parser


def _network(found: "RunDescription", config: "Config") -> str:
    """Say in a line what network and data it is."""
    shape = "x".join(map(str, found.layers[0].reads))
    weights = sum(layer.parameters for layer in found.layers)
    aside = sum(layer.sidecar_parameters for layer in found.layers)
    parts = [f"model={config.model.name}", f"dataset={config.dataset.name} ({shape})"]
    parts += [f"{_millions(weights)} parameters, {_millions(aside)} more in sidecars"]
    return ", ".join(parts)


def _layers(found: "RunDescription") -> "Table":
    from rich.table import Table

    from lwtrain.fronts.size import readable

    together = len(found.need.steps) == 1 and next(iter(found.need.steps)) not in {layer.name for layer in found.layers}
    table = Table("layer", "reads", "gives", "parameters", "sidecar", "MFLOP an image")
    if not together:
        table.add_column("a step takes")
    for layer in found.layers:
        shapes = ["x".join(map(str, shape)) for shape in (layer.reads, layer.gives)]
        costs = [f"{layer.parameters:,}", f"{layer.sidecar_parameters:,}", f"{layer.flops / 1e6:,.1f}"]
        step = [] if together else [readable(found.need.steps[layer.name])] if layer.name in found.need.steps else [""]
        table.add_row(layer.name, *shapes, *costs, *step)
    table.add_section()
    sums = [sum(layer.parameters for layer in found.layers), sum(layer.sidecar_parameters for layer in found.layers)]
    flops = sum(layer.flops for layer in found.layers) / 1e6
    table.add_row("all", "", "", *(f"{value:,}" for value in sums), f"{flops:,.1f}", *([] if together else [""]))
    for column in table.columns[3:]:
        column.justify = "right"
    return table


def _schedule(found: "RunDescription", config: "Config") -> str:
    epochs = sum(visit.epochs for visit in found.visits)
    learned = f"{found.labelled:,} labelled" + (f" and {found.unlabelled:,} unlabelled" if found.unlabelled else "")
    return (
        f"schedule={config.schedule.name}: {epochs} epochs of {found.steps:,} steps "
        f"({found.need.rows} images); {learned} images, {found.validation:,} to validate on"
    )


def _memory(found: "RunDescription") -> str:
    from lwtrain.fronts.size import readable

    need = found.need
    largest = f"a step of {need.largest}" if need.steps[need.largest] >= need.evaluation else "validation"
    parts = {
        "Python, libraries and weights": found.process,
        "images": need.images,
        "optimizer": need.optimizer_state,
        largest: max(need.steps[need.largest], need.evaluation),
    }
    front, reason = found.front
    if front == "memory":
        parts["activations"] = need.front
    sizes = ", ".join(f"{name} {readable(size)}" for name, size in parts.items() if size)
    return f"memory: about {readable(found.memory)}: {sizes}\nfront={front}: {reason}"


def _millions(number: int) -> str:
    return f"{number / 1e6:,.2f} M" if number >= 1e5 else f"{number:,}"
