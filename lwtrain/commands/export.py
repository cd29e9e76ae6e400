"""`lwtrain export RUN`: a trained network in forms that other programs read."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lwtrain.commands.parser import CommandParser, summary
from lwtrain.commands.trained import add_run, add_which, check_run

FORMATS = ("safetensors", "torch", "onnx")


def main(arguments: Sequence[str]) -> None:
    """Write the files, and say of each how near to the network what it computes is.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If a package is missing that a format needs which was asked for.
        DataError: If there is no run, its checkpoint is damaged, or the network cannot be written as asked for.
        WriteError: If the disk is full or cannot be written to.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_args(arguments)
    check_run(parser, given)

    from lwtrain.config.run_folders import check_writable
    from lwtrain.errors import ConfigError, DataError
    from lwtrain.export import export
    from lwtrain.trained_run import load_network

    folder = given.to or given.run / "export"
    check_writable(folder, "--to")
    network = load_network(given.run, checkpoint=given.checkpoint)
    for form in dict.fromkeys(given.format or FORMATS):
        try:
            written = export(network, folder, form, vote=given.vote)
        except (ConfigError, DataError) as reason:
            if given.format:
                raise
            print(f"left out: {reason}", file=sys.stderr)
            continue
        print(f"{written.path}  (checked: at most {written.distance:.1g} from the network)")
        if form == "safetensors":
            print(f"{folder / 'model.json'}")


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser(
        "lwtrain export",
        usage="lwtrain export RUN [options]",
        description=summary("export") + " Each is read again and compared with the network.",
        epilog="safetensors: the backbone's weights, and model.json that says how it is put together. "
        "torch: a program that torch.export.load reads. onnx: for ONNX runtimes (pip install 'lwtrain[export]').",
    )
    add_run(parser)
    parser.add_argument("--format", choices=FORMATS, action="append", help="only this; can be repeated (all of them)")
    parser.add_argument("--vote", action="store_true", help="programs also give the probabilities of all layers' vote")
    parser.add_argument("--to", metavar="DIR", type=Path, help="where the files go (RUN/export)")
    add_which(parser)
    return parser
