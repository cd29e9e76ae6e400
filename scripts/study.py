"""Carry out a study: runs that answer one question together, as studies/NAME.yaml lists them.

python scripts/study.py NAME                     # train what has no result yet; a study that was stopped goes on
python scripts/study.py NAME --seeds 0 --dry     # only show the commands
python scripts/study.py NAME --only wave c       # only these runs
python scripts/study.py NAME --minutes 15        # only this budget

Each result is a small file in results/NAME/, of which scripts/results.py makes a section of RESULTS.md.
"""

import os
import signal
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from lwtrain.commands.parser import CommandParser
from lwtrain.errors import ConfigError, DataError, TrainingError
from studying.conducting import Conductor
from studying.processes import ROOT
from studying.study import read_study
from studying.trials import Trial, command, trials
from tabulating.cells import duration

INTERRUPTED = 130  # exit code, as of a training


def main() -> None:
    """Do what the command line asks for."""
    options = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))  # which ends the training, too
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # no word where a reader such as head has seen enough
    try:
        study = read_study(options.study, options.results.parent / "studies")
        chosen = trials(study, options.seeds, options.only, options.minutes)
        conductor = Conductor(options.results / study.name, _as_seen_from_root(options.outputs) / study.name)
        os.chdir(ROOT)  # where trainings run, and their commands are meant
        waiting = [trial for trial in chosen if not conductor.is_done(trial)]
        print(f"{study.title}: {len(chosen) - len(waiting)} of {len(chosen)} trainings have a result", flush=True)
        if options.dry:
            print("\n".join(command(conductor.words(trial)) for trial in waiting))
        else:
            ends = [_carried_out(conductor, trial) for trial in waiting]
            sys.exit(0 if all(ends) else 1)
    except (ConfigError, DataError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _carried_out(conductor: Conductor, trial: Trial) -> bool:
    """Train, and print a line; say whether it went well."""
    try:
        kept = conductor.carry_out(trial)
    except (ConfigError, DataError, TrainingError) as error:
        print(f"{trial.name}: {error}", flush=True)
        return False
    print(f"{trial.name}: {_figures(kept)}", flush=True)
    return True


def _figures(kept: dict[str, Any]) -> str:
    """Write what a run came to: vote and head, and the time."""
    accuracies = [
        f"{part} {100 * value:.1f} % ({stage})"
        for part in ("vote", "head")
        for stage in ("val", "test")
        if (value := kept["accuracy"][stage].get(part)) is not None
    ]
    return ", ".join([*accuracies, duration(kept["seconds"]), *kept["cut_short"]])


def _as_seen_from_root(folder: Path) -> Path:
    folder = folder.absolute()
    return folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder


def _parse() -> Namespace:
    parser = CommandParser("python scripts/study.py", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("study", metavar="NAME", help="the name of a file in studies/, without .yaml")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="only these of its seeds")
    parser.add_argument("--only", nargs="+", metavar="RUN", help="only these of its runs")
    parser.add_argument("--minutes", nargs="+", type=float, metavar="MIN", help="only these of its budgets")
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "studies", help="where runs have folders")
    parser.add_argument("--results", type=Path, default=ROOT / "results", help="where results are; beside it, studies/")
    parser.add_argument("--dry", action="store_true", help="only show the commands")
    options = parser.parse_args()
    options.results = options.results.absolute()
    return options


if __name__ == "__main__":
    main()
