"""`lwtrain evaluate RUN`: how often each layer of a trained network, and their vote, is right."""

import json
from argparse import BooleanOptionalAction, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.commands.parser import CommandParser, summary
from lwtrain.commands.trained import add_data_dir, add_device, add_run, add_which, check_run, load

if TYPE_CHECKING:
    from lwtrain.evaluation import Evaluation, Stage
    from lwtrain.trained_run import TrainedRun

WEIGHTS = ("equal", "doubling", "accuracy", "likelihood")  # as vote.weights has them


def main(arguments: Sequence[str]) -> None:
    """Show the table, and store the figures where that is asked for.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If an option does not fit the run.
        DataError: If there is no run, its checkpoint or data are missing or damaged, or no layer has trained.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_args(arguments)
    check_run(parser, given)
    if given.on is not None and given.images is not None:
        parser.error("--on: not with --images, which are what is tested on")

    from rich.console import Console

    from lwtrain.evaluation import evaluate
    from lwtrain.quiet import quieten_lightning
    from lwtrain.report import accuracy_table, class_table

    quieten_lightning()
    run = load(given)
    _count_votes_as_told(run, given)
    if given.images is not None:
        from lwtrain.data.load import load_labelled_pictures

        images = load_labelled_pictures(given.images, run.classes, run.input_shape, run.reading)
        found = evaluate(run, ["test"], images=images, device=given.device)
    else:
        found = evaluate(run, _stages(run, given.on), device=given.device)
    console = Console(highlight=False, soft_wrap=True)
    console.print(accuracy_table(found.figures, run.stack.names))
    for stage, confusion in found.confusion.items():
        if f"{stage}/reconstruction" in found.figures:
            console.print(f"reconstruction  {stage} {found.figures[f'{stage}/reconstruction']:.4f} (squared error)")
        if given.classes:
            console.print(class_table(confusion.tolist(), run.classes, stage))
    if given.json is not None:
        _store(found, given)


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser("lwtrain evaluate", usage="lwtrain evaluate RUN [options]", description=summary("evaluate"))
    add_run(parser)
    parser.add_argument("--on", choices=["val", "test"], help="only the validation or the test images; by default both")
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        type=Path,
        help="test on pictures of your own, FOLDER/<class>/",
    )
    parser.add_argument("--classes", action="store_true", help="also how often each class is recognised by the vote")
    parser.add_argument("--weights", choices=WEIGHTS, help="what the layers' votes weigh; by default as the run says")
    parser.add_argument(
        "--flips", action=BooleanOptionalAction, help="judge each image together with its mirror image, or not"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures into a file, too")
    add_which(parser)
    add_data_dir(parser)
    add_device(parser)
    return parser


def _stages(run: "TrainedRun", on: "Stage | None") -> list["Stage"]:
    """Say what to measure; where the test images validate, or there are none, one stage says all."""
    if on is not None:
        return [on]
    return ["val", "test"] if run.data.test is not None and len(run.data.held_out) else ["val"]


def _count_votes_as_told(run: "TrainedRun", given: Namespace) -> None:
    rule = run.stack.vote_rule
    wished = {name: value for name in ("weights", "flips") if (value := getattr(given, name)) is not None}
    run.stack.vote_rule = replace(rule, **wished)


def _store(found: "Evaluation", given: Namespace) -> None:
    from lwtrain.files import write_whole

    content = {
        **dict(sorted(found.figures.items())),
        "confusion": {stage: counts.tolist() for stage, counts in found.confusion.items()},
        "checkpoint": given.checkpoint,
    }
    write_whole(given.json, lambda file: file.write((json.dumps(content, indent=2) + "\n").encode()))
