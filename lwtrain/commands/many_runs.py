"""What commands that set runs side by side ask for: which runs, put together how, and which figures of theirs."""

from lwtrain.commands.parser import CommandParser


def add_choice_of_runs(parser: CommandParser) -> None:
    """Let a command take conditions on runs, a setting to average over, and the figures to show."""
    parser.add_argument(
        "--where",
        metavar="CONDITION",
        action="append",
        default=[],
        help="only runs such as model=vgg11 or 'vote/val/accuracy>0.8' (also != < >= <=); can be repeated",
    )
    parser.add_argument(
        "--over", metavar="SETTING", help="put runs together that differ in nothing else, such as seed: mean and spread"
    )
    parser.add_argument(
        "--metric",
        metavar="TAG",
        action="append",
        default=[],
        help="show this instead of accuracies and seconds, such as 'layer_*/val/accuracy'; can be repeated",
    )
