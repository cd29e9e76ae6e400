"""`lwtrain predict RUN PICTURE ...`: what a trained network takes pictures for."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.commands.parser import CommandParser, summary
from lwtrain.commands.trained import add_device, add_run, add_which, check_run
from lwtrain.printable import printable

if TYPE_CHECKING:
    from lwtrain.prediction import Prediction

FORMATS = ("table", "jsonl", "csv")
LEFT_OUT = 1  # the exit code where pictures could not be read


def main(arguments: Sequence[str]) -> None:
    """Print or store what the network says of each picture.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If there is no such picture or folder, or no picture in it.
        DataError: If there is no run, its checkpoint is damaged, or no layer has trained.
        SystemExit: With code 2 if the arguments are mistaken; 1 if some of the pictures could not be read.
    """
    parser = make_parser()
    given = parser.parse_intermixed_args(arguments)
    check_run(parser, given)
    if not given.pictures:
        parser.error("PICTURE: name picture files, or folders of them")

    from lwtrain.data.picture_folder import list_every

    form = given.format or _form(parser, given.to)
    files = [file for path in given.pictures for file in list_every(path)]

    from lwtrain.devices import device_called
    from lwtrain.prediction import predict
    from lwtrain.trained_run import load_network

    device = device_called(given.device)
    network = load_network(given.run, checkpoint=given.checkpoint)
    unread: list[Path] = []

    def leave_out(file: Path, flaw: str) -> None:
        unread.append(file)
        print(f"left out: {printable(file)}: {flaw}", file=sys.stderr)

    _write(predict(network, files, device=device, left_out=leave_out), network.classes, form, given.to)
    if unread:
        sys.exit(LEFT_OUT)


def _write(predictions: Iterable["Prediction"], classes: Sequence[str], form: str, to: Path | None) -> None:
    from lwtrain import predictions_table
    from lwtrain.files import write_whole

    if form == "table":
        predictions_table.show(predictions, classes)
        return
    lines = (predictions_table.as_csv if form == "csv" else predictions_table.as_json_lines)(predictions, classes)
    if to is None:
        sys.stdout.writelines(lines)
    else:
        write_whole(to, lambda file: file.writelines(line.encode() for line in lines))


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser(
        "lwtrain predict",
        usage="lwtrain predict RUN PICTURE [PICTURE ...] [options]",
        description=summary("predict"),
        epilog="Each picture is cut to a square, or fitted as the run's own were (dataset=image_folder), and scaled. "
        "Pictures that cannot be read are named and left out; the exit code is 1 then.",
    )
    add_run(parser)
    parser.add_argument("pictures", metavar="PICTURE", nargs="*", type=Path, help="files, or folders of any depth")
    parser.add_argument(
        "--format", choices=FORMATS, help="by default a table on a terminal, jsonl (JSON lines) elsewhere"
    )
    parser.add_argument("--to", metavar="FILE", type=Path, help="where to write it: FILE.csv or FILE.jsonl")
    add_which(parser)
    add_device(parser)
    return parser


def _form(parser: CommandParser, file: Path | None) -> str:
    """Tell the format by the file that is wanted, or by where it is printed."""
    if file is None:
        return "table" if sys.stdout.isatty() else "jsonl"
    if file.suffix not in (".csv", ".jsonl"):
        parser.error(f"--to {file}: name a .csv or .jsonl file, or say what it is with --format")
    return file.suffix[1:]
