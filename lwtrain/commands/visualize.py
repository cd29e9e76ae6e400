"""`lwtrain visualize RUN [KIND ...]`: pictures of what a trained network has learned."""

import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from lwtrain.commands.parser import CommandParser
from lwtrain.commands.trained import add_data_dir, add_run, add_which, check_run, load, whole
from lwtrain.errors import ConfigError
from lwtrain.pictures.options import KINDS, NotForThisRunError, PictureOptions
from lwtrain.registry import choices_hint


def main(arguments: Sequence[str]) -> None:
    """Draw pictures and print where they are.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If a picture cannot be made of this run, or an option has no effect.
        DataError: If there is no run, or its checkpoint or data are missing or damaged.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_intermixed_args(arguments)
    check_run(parser, given)
    _check_kinds(given)
    options = PictureOptions(
        folder=given.to or given.run / "pictures",
        seed=given.seed or 0,
        layers=tuple(given.layers.split(",")) if given.layers else None,
        number=given.number,
        images=tuple(given.images or ()),
    )

    from lwtrain.config.run_folders import check_writable

    run = load(given)
    check_writable(options.folder, "--to")
    for name in given.kinds or KINDS:
        try:
            files = KINDS[name].draw(run, options)
        except NotForThisRunError as reason:
            if given.kinds:
                raise
            print(f"left out: {reason}", file=sys.stderr)
            continue
        for file in files:
            print(file)


def make_parser() -> CommandParser:
    """Say what the command takes."""
    width = max(map(len, KINDS))
    parser = CommandParser(
        "lwtrain visualize",
        usage="lwtrain visualize RUN [KIND ...] [options]",
        description="Draw pictures of what a trained network has learned.",
        epilog="\n".join(
            ["kinds of pictures:", *(f"  {name:<{width}}  {kind.summary}" for name, kind in KINDS.items())]
        ),
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_run(parser)
    parser.add_argument("kinds", metavar="KIND", nargs="*", help="see below; all that the run allows if left out")
    parser.add_argument("--layers", metavar="0,3,head", help="only these layers")
    parser.add_argument("--number", metavar="N", type=whole(least=1), help="how many filters of a layer, or images")
    parser.add_argument("--images", metavar="FILE", type=Path, nargs="+", help="pictures of your own, not test images")
    parser.add_argument("--seed", type=whole(least=0), help="decides what is drawn by lot (0)")
    add_which(parser)
    add_data_dir(parser)
    parser.add_argument("--to", metavar="DIR", type=Path, help="where pictures go (RUN/pictures)")
    return parser


def _check_kinds(given: Namespace) -> None:
    """Make sure that there are such pictures, and that one of them looks at each option.

    Raises:
        ConfigError: If not.
    """
    for name in given.kinds:
        if name not in KINDS:
            raise ConfigError(f"{name}: {choices_hint(name, list(KINDS))}")
    for option in ("layers", "number", "images", "seed"):
        readers = [name for name, kind in KINDS.items() if option in kind.reads]
        if given.kinds and getattr(given, option) is not None and not set(readers) & set(given.kinds):
            raise ConfigError(f"--{option} has no effect on {' and '.join(given.kinds)}, only on {', '.join(readers)}")
