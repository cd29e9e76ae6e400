"""Measure lwtrain against what it competes with: python scripts/benchmark.py [--quick] [--rows speed/vgg11 ...].

Every row (a network and a way to train it) is measured in a fresh process, and the rows take turns, round after round:
what slows the machine down for a while meets all of them. Shows medians, lowest and highest values; writes
benchmark.json with every sample, two plots, and samples.jsonl, from which a benchmark that was stopped goes on.

Measured are one wave (every layer reads all images once) or one epoch, without augmentation and validation and with all
images labelled, after a few batches of every layer; the peak of the resident set (on a GPU: of its memory) beyond that
of the same process after a tiny network; and floating-point operations, counted on a few images.

With --calibrate it finds instead what the cost model of docs/scaling.md has to know of this machine, foretells rows by
it that it has not been taken from, measures those too, and writes calibration.json.
"""

import argparse
import contextlib
import json
import shlex
import sys
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarking.foretold import show_foretold
from benchmarking.groups import all_rows
from benchmarking.judge import judge, measure_in_a_process
from benchmarking.quietness import DISTURBED
from benchmarking.report import benchmark_report
from benchmarking.results import Results
from benchmarking.row import Row
from benchmarking.sample import Sample, SampleFile
from benchmarking.tables import show_results, show_targets, show_troubles
from benchmarking.targets import all_targets

TABLE_WIDTH = 160  # where the output goes to a file, rich would squeeze it to 80


def read_arguments(words: list[str]) -> argparse.Namespace:
    """Understand the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[0] if __doc__ else None,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few rows, one round, 512 images")
    parser.add_argument("--rows", nargs="+", default=[], metavar="PART", help="only rows whose name contains one of")
    parser.add_argument("--list", action="store_true", help="only show the names of the rows")
    parser.add_argument("--images", type=_positive, help="images of the rows about speed (2560; quick: 512)")
    parser.add_argument("--repeat", type=_positive, help="rounds (3; quick: 1)")
    parser.add_argument("--memory-budget", type=float, default=1024, help="MiB for a front before it goes to disk")
    parser.add_argument("--data-dir", help="where CIFAR-10 lies; without it the images are noise")
    parser.add_argument("--seed", type=int, default=0, help="of images and first weights")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmark"), help="where the results go")
    parser.add_argument("--fresh", action="store_true", help="measure again what is in OUT/samples.jsonl")
    parser.add_argument("--calibrate", action="store_true", help="measure what the cost model needs; 2 minutes")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("choose 1 or more")
    return number


def choose_rows(arguments: argparse.Namespace) -> list[Row]:
    """Give the rows that were asked for."""
    images = arguments.images or (512 if arguments.quick else 2560)
    rows = all_rows(
        images,
        arguments.memory_budget,
        quick=arguments.quick,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
    )
    return [row for row in rows if not arguments.rows or any(part in row.name for part in arguments.rows)]


def run_child(task: str) -> None:
    """Measure one row in this process; the result is the last line of what it prints."""
    from benchmarking.measuring import measure  # with torch, which the judging process does without

    values = json.loads(task)
    with contextlib.redirect_stdout(sys.stderr):
        sample = measure(Row(**values["row"]), values["repeat"], Path(values["folder"]))
    print(sample.to_json())


def run_calibration(arguments: argparse.Namespace, console: Console, command: str) -> None:
    """Find the machine's numbers and see how well they foretell."""
    from benchmarking.calibrating import calibrate, calibration_report
    from lwtrain.files import write_whole

    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    machine, foretold = calibrate(folder, arguments.repeat or 3, partial(console.print, highlight=False))
    console.print(show_foretold(foretold))
    written = json.dumps(calibration_report(machine, foretold, command), indent=1)
    write_whole(folder / "calibration.json", lambda file: file.write(f"{written}\n".encode()))
    console.print(f"Written to {folder / 'calibration.json'}.")


def main(words: list[str]) -> None:
    """Measure, show, write."""
    arguments, console = read_arguments(words), Console()
    console.width = max(console.width, TABLE_WIDTH)
    if arguments.child:
        run_child(arguments.child)
        return
    command = shlex.join(["python", "scripts/benchmark.py", *words])
    if arguments.calibrate:
        run_calibration(arguments, console, command)
        return
    rows = choose_rows(arguments)
    if not rows:
        sys.exit(f"--rows {' '.join(arguments.rows)}: no row's name contains that; --list shows the names")
    if arguments.list:
        console.print("\n".join(row.name for row in rows), highlight=False)
        return

    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    file = SampleFile(folder / "samples.jsonl")
    if arguments.fresh:
        file.clear()

    def report(place: str, sample: Sample) -> None:
        disturbed = f", disturbed: others took {sample.others:.0%}" if sample.others > DISTURBED else ""
        outcome = sample.error or f"{sample.seconds:.1f} s{disturbed}"
        console.print(f"{place} {sample.row.name}: {outcome}", highlight=False)

    repeats = arguments.repeat or (1 if arguments.quick else 3)
    samples = judge(rows, repeats, file, partial(measure_in_a_process, folder=folder), report)
    results = Results(rows, samples)
    targets = all_targets(results)
    for shown in (*show_results(results), *show_troubles(results), show_targets(targets)):
        console.print(shown)
    written = json.dumps(benchmark_report(results, targets, command), indent=1)
    (folder / "benchmark.json").write_text(written + "\n")
    from benchmarking.plots import draw_plots  # not in the processes that are measured

    draw_plots(results, folder)
    console.print(f"Written to {folder}.")


if __name__ == "__main__":
    main(sys.argv[1:])
