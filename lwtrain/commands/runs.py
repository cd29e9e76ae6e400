"""`lwtrain runs [FOLDER]`: the runs below a folder side by side, newest last."""

from collections.abc import Sequence
from pathlib import Path

from lwtrain.commands.many_runs import add_choice_of_runs
from lwtrain.commands.parser import CommandParser, summary


def main(arguments: Sequence[str]) -> None:
    """Show the table.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If there are no runs, no such column, or no such metric.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)

    from lwtrain.errors import ConfigError
    from lwtrain.results_table import ResultsTable
    from lwtrain.run_filter import runs_where
    from lwtrain.runs import find_runs

    if not options.folder.is_dir():
        raise ConfigError(f"{options.folder}: there is no such folder; name the one that your runs are in")
    runs = find_runs(options.folder)
    if not runs:
        raise ConfigError(f"{options.folder}: there are no runs in it")
    table = ResultsTable.of(runs_where(runs, options.where), options.folder, options.metric)
    if options.over:
        table = table.over(options.over)
    if options.sort:
        table = table.sorted_by(options.sort)
    if options.csv:
        table.write_csv(options.csv)
    table.show()


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser(
        "lwtrain runs",
        description=summary("runs"),
        epilog="Columns go by the names that they have in metrics.json: --sort vote/val/accuracy",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("outputs"), help="by default outputs")
    parser.add_argument("--sort", metavar="COLUMN", help="put the largest value last, not the newest run")
    add_choice_of_runs(parser)
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the table into a file, too")
    return parser
