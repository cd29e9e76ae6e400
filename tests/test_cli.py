"""The command line, from what is typed to what is printed, the exit code and the files."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from small_folders import pets
from stand_in_training import Training
from stored_checkpoints import damage, store_checkpoint

from lwtrain import cli
from lwtrain.commands import COMMANDS
from lwtrain.data.picture_folder import list_pictures
from lwtrain.errors import ConfigError, DataError, Stopped, WriteError
from lwtrain.failures import read_failure

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests run in an empty folder, whatever Hydra makes of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwtrain"])
    return tmp_path


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    stand_in = Training()
    monkeypatch.setitem(sys.modules, "lwtrain.training", stand_in)
    return stand_in


def exit_code(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return caught.value.code


# What is printed without a run


def test_help_names_groups_choices_settings_and_five_examples(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--help"])
    lines = capsys.readouterr().out
    said = re.sub(r",\n +", ", ", lines)  # long lists take several lines
    for group in ["dataset", "model", "map", "encoder", "objective", "schedule", "optimizer", "front", "trainer"]:
        assert f"\n  {group} " in said
    for choice in ("fashion_mini, cifar10", "vgg11, allconv, cnn", "wave, backprop, custom, pipelined", "report_4000"):
        assert choice in said
    settings = ["schedule.waves=3", "optimizer.lr=1e-3", "labels=all", "layer.load=null", "batch_size=64"]
    for setting in [*settings, "vote.weights=equal", "vote.flips=false"]:
        assert f"\n  {setting} " in said
    assert sum(line.startswith("  lwtrain ") for line in said.splitlines()) == 5
    assert max(map(len, lines.splitlines())) <= 120


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--help"])
    said = capsys.readouterr().out
    assert "       lwtrain COMMAND ...\n" in said
    said = " ".join(said.split())
    for command, purpose in COMMANDS.items():
        assert f" {command} {purpose} " in said


def test_help_names_the_settings_of_other_choices(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--help"])
    _, said = capsys.readouterr().out.split("  Settings of other choices: ")
    others = said.split("\n  All settings")[0].replace("\n    ", " ").split(", ")
    assert {"encoder.dropout", "schedule.visits", "optimizer.momentum", "model.hidden", "dataset.folder"} <= set(others)
    assert not {"encoder.grid", "schedule.waves", "model.width", "name"} & set(others)


def test_examples_in_the_help_are_sound() -> None:
    from lwtrain.config.command_line import CommandLine
    from lwtrain.help import EXAMPLES

    for words in EXAMPLES:
        if "ckpt_path" not in words:
            CommandLine(words.removeprefix("-m ").split(), multirun=words.startswith("-m")).check()


@pytest.mark.parametrize("arguments", [["--help"], ["model=vgg31"], ["--cfg", "job"], ["--version"]])
def test_torch_is_imported_for_training_alone(arguments: list[str]) -> None:
    code = "import sys, atexit, lwtrain.cli; atexit.register(lambda: print('torch' in sys.modules)); lwtrain.cli.main()"
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert run.stdout.endswith("False\n"), run.stderr


def test_help_needs_no_hydra() -> None:
    code = "import sys; from lwtrain.cli import main; main(['-h']); assert 'hydra' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--version"])
    assert capsys.readouterr().out.startswith("lwtrain 0.")


def test_settings_can_be_shown_without_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cli.main(["model=vgg13", "--cfg", "job"])
    shown = yaml.safe_load(capsys.readouterr().out)
    assert (shown["model"]["name"], shown["schedule"]["waves"]) == ("vgg13", 3)
    assert not list(tmp_path.iterdir())


def test_hydra_has_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--hydra-help") == 0
    assert "Hydra" in capsys.readouterr().out


# Mistakes


def test_mistakes_end_the_program_before_it_starts(
    capsys: pytest.CaptureFixture[str], training: Training, tmp_path: Path
) -> None:
    assert exit_code("encoder=pol", "-m", "seed=1,x", "--fast") == 2
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "encoder=pol: did you mean 'pool'? Choices: a, b, c, conv, dense, infopro, mirror, pool, similarity, strided",
        "--fast: no such option; settings have no dashes before them, such as seed=1",
        "seed=x: choose a whole number of at least 0 and below 4294967296",
    ]
    assert not printed.out
    assert not training.runs
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", [["-m", "lwtrain.cli"], [str(CHECKOUT / "train.py")]])
def test_all_ways_to_start_are_the_same(program: list[str]) -> None:
    run = subprocess.run([sys.executable, *program, "lr=1"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "lr=1: no such setting; did you mean optimizer.lr?\n")


# Commands


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_explain_themselves_without_torch(command: str) -> None:
    code = "import sys, atexit, lwtrain.cli; atexit.register(lambda: print('torch' in sys.modules)); lwtrain.cli.main()"
    run = subprocess.run([sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=False)
    assert run.stdout.startswith(f"usage: lwtrain {command} "), run.stderr
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "False")


@pytest.mark.parametrize("program", [["-m", "lwtrain.cli"], [str(CHECKOUT / "train.py")]])
def test_commands_are_the_same_however_the_program_is_started(program: list[str]) -> None:
    run = subprocess.run([sys.executable, *program, "runs", "nowhere"], capture_output=True, text=True, check=False)
    said = "nowhere: there is no such folder; name the one that your runs are in\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", said)


def test_an_interrupted_command_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lwtrain.commands.runs.main", interrupted)
    assert exit_code("runs") == 130
    assert capsys.readouterr() == ("", "")


# Runs


def test_a_run_gets_its_config_and_a_folder_of_its_own(
    training: Training, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cli.main(["model=vgg13", "hydra.run.dir=outputs/mine"])
    ((config, folder),) = training.runs
    assert (config.model.name, folder) == ("vgg13", Path("outputs/mine"))
    assert yaml.safe_load((folder / "config.yaml").read_text())["model"] == {
        "name": "vgg13",
        "width": 1.0,
        "layer_depth": 2,
        "whitening": False,
    }
    assert yaml.safe_load((folder / ".hydra" / "overrides.yaml").read_text()) == ["model=vgg13"]
    assert "model: {name: vgg13, width: 1.0, layer_depth: 2, whitening: false}\n" in capsys.readouterr().out
    assert sys.argv == ["lwtrain"]


def test_by_default_the_folder_is_named_for_the_time(training: Training, tmp_path: Path) -> None:
    cli.main(["progress=none"])
    ((_, folder),) = training.runs
    assert folder.parts[0] == "outputs"
    assert len(folder.parts) == 3


def test_without_progress_nothing_is_printed(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["progress=none"])
    assert capsys.readouterr() == ("", "")


def test_settings_without_effect_are_warned_of(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["encoder=pool", "objective.alpha=0.3", "progress=none"])
    assert capsys.readouterr().err == (
        "objective.alpha has no effect: encoder=pool has no decoder, so the prediction loss stands alone\n"
    )


def test_a_folder_of_pictures_is_listed_when_settings_are_checked_and_when_the_run_begins(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Path] = []
    monkeypatch.setattr(
        "lwtrain.config.schema.dataset.list_pictures",
        lambda folder, *other, **settings: listed.append(folder) or list_pictures(folder, *other, **settings),
    )
    monkeypatch.setattr(training, "train", lambda config, folder: config.dataset.describe() and {})
    words = ["dataset=image_folder", f"dataset.folder={pets(Path('pets'))}", "dataset.unlabelled=pets/more"]
    cli.main([*words, "dataset.image_size=32", "dataset.fit=pad", "batch_size=4", "seed=3", "progress=none"])
    assert listed == ["pets", "pets"]


def test_processes_that_lightning_adds_find_the_words_and_write_no_settings(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(training, "train", lambda config, folder: seen.append(sys.argv[1:]) or {})
    words = ["seed=3", "hydra.run.dir=run", "trainer=ddp", "progress=none"]
    cli.main(words)
    assert seen == [words]
    monkeypatch.setenv("LOCAL_RANK", "1")
    written = Path("run/config.yaml").stat().st_mtime_ns
    cli.main([*words, 'hydra.run.dir="run"', "hydra.job.name=train_ddp_process_1", "hydra.output_subdir=null"])
    assert len(seen) == 2
    assert Path("run/config.yaml").stat().st_mtime_ns == written


def test_a_run_is_continued_in_its_folder(training: Training) -> None:
    cli.main(["model=vgg13", "seed=5", "progress=none"])
    cli.main(["ckpt_path=last", "progress=plain"])
    (_, first), (config, second) = training.runs
    assert first == second
    assert (config.model.name, config.seed, config.progress) == ("vgg13", 5, "plain")
    assert config.ckpt_path == str(Path(first, "checkpoints/last.ckpt").resolve())
    cli.main(["ckpt_path=last"])
    assert training.runs[2] == training.runs[1]


def test_continuing_with_another_network_is_refused(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["progress=none"])
    assert exit_code("ckpt_path=last", "model=vgg13") == 2
    assert capsys.readouterr().err.splitlines() == [
        "model=vgg13: the checkpoint was made with model=vgg11",
        "Go on without these changes, or start a new run without ckpt_path",
    ]


def test_the_last_of_several_values_counts(training: Training) -> None:
    cli.main(["model=vgg13", "seed=1", "model=vgg16", "seed=2", "progress=none"])
    assert (training.runs[0][0].model.name, training.runs[0][0].seed) == ("vgg16", 2)


def test_a_multirun_starts_a_run_for_each_combination(training: Training) -> None:
    cli.main(["-m", "model=vgg11,vgg13", "seed=1,2", "progress=none"])
    assert [(config.model.name, config.seed, folder.name) for config, folder in training.runs] == [
        ("vgg11", 1, "0"),
        ("vgg11", 2, "1"),
        ("vgg13", 1, "2"),
        ("vgg13", 2, "3"),
    ]
    assert len({folder.parent for _, folder in training.runs}) == 1


def test_a_multirun_ends_with_a_table_of_its_runs(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures[2] = DataError("data/x: cut short.\nRemove it")
    assert exit_code("-m", "model=vgg11,vgg13", "hydra.sweep.dir=sweep", "progress=plain") == 1
    printed = capsys.readouterr().out
    assert printed.endswith("1: data/x: cut short. Remove it\nresults      sweep/results.csv\n")
    assert Path("sweep/results.csv").read_text().splitlines() == [
        "run,model,failure",
        "0,vgg11,not finished",  # the stand-in leaves no figures behind
        "1,vgg13,data/x: cut short. Remove it",
    ]


def test_a_sweep_goes_on_by_the_same_command(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["-m", "seed=1,2,3,4", "hydra.sweep.dir=sweep", "ckpt_path=auto", "progress=none"]
    training.accuracy = lambda config: 0.7
    training.failures[2], training.failures[3] = DataError("data/x: cut short"), Stopped(signal.SIGTERM)
    assert exit_code(*words) == 143
    told = "stopped; go on with the same command and: hydra.sweep.dir=sweep ckpt_path=auto"
    assert capsys.readouterr().err.splitlines()[-1] == told
    store_checkpoint(Path("sweep/2/checkpoints/last.ckpt"))
    cli.main(words)
    begun, again = training.runs[:3], training.runs[3:]
    assert [config.seed for config, _ in begun] == [1, 2, 3]
    assert [(config.seed, folder.name, bool(config.ckpt_path)) for config, folder in again] == [
        (2, "1", False),  # failed before it had stored anything
        (3, "2", True),
        (4, "3", False),
    ]
    assert "sweep/0: has finished before, and is left alone\n" in capsys.readouterr().err
    assert read_failure(Path("sweep/1")) is None


def test_where_any_run_of_a_multirun_broke_is_in_its_log(training: Training) -> None:
    training.failures[2] = training.failures[3] = ZeroDivisionError("division by zero")
    assert exit_code("-m", "seed=1,2,3", "hydra.sweep.dir=sweep", "progress=none") == 1
    for number in (1, 2):
        said = Path(f"sweep/{number}/lwtrain.log").read_text()
        assert "ZeroDivisionError: division by zero\nTraceback" in said


def test_a_silent_multirun_has_its_table_in_a_file_only(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["-m", "seed=1,2", "hydra.sweep.dir=sweep", "progress=none"])
    assert "results" not in capsys.readouterr().out
    assert Path("sweep/results.csv").is_file()


def test_a_single_run_has_no_table_of_runs(training: Training) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    assert not Path("run/results.csv").exists()


def test_an_experiment_can_list_values_to_try(training: Training) -> None:
    cli.main(["-m", "experiment=sweep_labels", "encoder=pool", "progress=none"])
    tried = [(config.labels, config.encoder.name) for config, _ in training.runs]
    assert tried == [(100, "pool"), (1000, "pool"), ("all", "pool")]


# Failures


@pytest.mark.parametrize("error", [ConfigError("labels=7: too few"), DataError("data/x: cut short.\nRemove it")])
def test_a_run_that_fails_ends_with_its_message_alone(
    error: Exception, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    training.failures[1] = error
    assert exit_code("progress=none") == str(error)  # Python prints it and exits with code 1
    assert capsys.readouterr() == ("", "")


def test_why_a_run_failed_is_kept_in_its_folder_until_it_is_started_again(training: Training) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    training.failures[2] = DataError("data/x: cut short")
    assert exit_code("ckpt_path=run", "progress=none") == "data/x: cut short"
    assert Path("run/failure.txt").read_text() == "data/x: cut short\n"
    cli.main(["ckpt_path=run", "progress=none"])
    assert not Path("run/failure.txt").exists()


def test_where_an_error_arose_is_shown_on_demand(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # and put back afterwards
    training.failures[1] = DataError("data/x: cut short")
    with pytest.raises(DataError):
        cli.main(["--debug", "progress=none"])


def test_other_runs_of_a_multirun_go_on_where_one_fails(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures[1] = DataError("data/x: cut short.\nRemove it")
    assert exit_code("-m", "seed=1,2", "progress=none") == 1
    assert [config.seed for config, _ in training.runs] == [1, 2]
    said = capsys.readouterr().err
    assert "data/x: cut short.\nRemove it\n" in said
    assert "Traceback" not in said


def test_an_interrupted_start_ends_quietly(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures[1] = KeyboardInterrupt()
    assert exit_code("progress=none") == 130
    assert capsys.readouterr() == ("", "")


def interrupted_fit() -> SystemExit:
    """What Lightning makes of Ctrl-C."""
    end = SystemExit(1)
    end.__context__ = KeyboardInterrupt()
    return end


def test_an_interrupted_fit_says_how_to_go_on(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    training.failures[2] = interrupted_fit()
    assert exit_code("ckpt_path=run", "progress=none") == 130
    assert capsys.readouterr().err == "stopped; go on with: ckpt_path=run\n"


def test_a_fit_interrupted_before_its_first_checkpoint_cannot_go_on(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    training.failures[1] = interrupted_fit()
    assert exit_code("progress=none") == 130
    assert capsys.readouterr().err == "stopped before the first checkpoint; start it anew\n"


def test_further_processes_leave_the_last_word_to_the_first(
    training: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    training.failures[1] = interrupted_fit()
    assert exit_code("progress=none") == 130
    assert not capsys.readouterr().err


def test_ctrl_c_may_come_while_a_file_is_written(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    broken = RuntimeError("unexpected pos 64 vs 0")
    broken.__context__ = KeyboardInterrupt()
    training.failures[1] = broken
    assert exit_code("progress=none") == 130
    assert capsys.readouterr().err == "stopped before the first checkpoint; start it anew\n"


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_fit_that_was_asked_to_stop_says_how_to_go_on(
    signal_number: int, code: int, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    training.failures[2] = Stopped(signal_number)
    assert exit_code("ckpt_path=run", "progress=none") == code
    assert capsys.readouterr().err == "stopped; go on with: ckpt_path=run\n"
    assert read_failure(Path("run")) is None


def test_a_full_disk_is_told_of_in_two_lines(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures[1] = WriteError(28, "run/metrics.csv: cannot be written (No space left on device).\nFree some")
    assert exit_code("progress=none") == "run/metrics.csv: cannot be written (No space left on device).\nFree some"


def test_the_same_command_begins_a_run_and_goes_on_with_it(training: Training) -> None:
    words = ["seed=3", "hydra.run.dir=run", "ckpt_path=auto", "progress=none"]
    cli.main(words)
    cli.main(words)
    (first, one), (second, other) = training.runs
    assert one.resolve() == other.resolve()
    assert (first.ckpt_path, second.ckpt_path) == (None, str(Path("run/checkpoints/last.ckpt").resolve()))
    assert first.seed == second.seed == 3


def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_best(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    store_checkpoint(Path("run/checkpoints/best.ckpt"))
    damage(Path("run/checkpoints/last.ckpt"))
    cli.main(["ckpt_path=run", "progress=none"])
    assert training.runs[1][0].ckpt_path == str(Path("run/checkpoints/best.ckpt").resolve())
    said = (
        "run/checkpoints/last.ckpt: missing or damaged; going on from best.ckpt, and making the epochs behind it again"
    )
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_run_that_ends_itself_keeps_its_exit_code(training: Training) -> None:
    training.failures[1] = SystemExit(3)
    assert exit_code("progress=none") == 3


def interrupt(run: subprocess.Popen[str]) -> str:
    """Press Ctrl-C until it is heard: Python drops an interrupt that comes while an object is taken apart."""
    for _ in range(10):
        run.send_signal(signal.SIGINT)
        try:
            return run.communicate(timeout=6)[1]
        except subprocess.TimeoutExpired:
            continue
    run.kill()
    return run.communicate()[1]


def test_ctrl_c_ends_a_real_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    # A shell's background jobs, and so perhaps these tests, are started deaf to Ctrl-C.
    hearing = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from lwtrain import cli"
    words = ["model=vgg8b", "model.width=0.0625", "dataset.image_size=16", "dataset.fit=scale", "encoder=pool"]
    words += ["schedule.epochs=1000", "schedule.waves=1", "trainer.limit_train_batches=1", "hydra.run.dir=run"]
    command = [sys.executable, "-c", f"{hearing}; cli.main()", *words, "progress=none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not (tmp_path / "run/checkpoints/last.ckpt").exists():
            time.sleep(0.05)
        said = interrupt(run)
    assert (run.returncode, said.splitlines()[-1]) == (130, "stopped; go on with: ckpt_path=run")
    assert "Traceback" not in said


def test_a_run_started_in_the_same_second_does_not_overwrite(training: Training) -> None:
    cli.main(["hydra.run.dir=run", "progress=none"])
    assert exit_code("hydra.run.dir=run", "progress=none") == 2
    assert len(training.runs) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_needs_neither_torch_nor_hydra(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = f"import sys; from lwtrain.cli import main\ntry:\n main(['{command}', '--help'])\nexcept SystemExit: pass\n"
    run = subprocess.run(
        [sys.executable, "-c", code + "print(sorted({'torch', 'hydra', 'omegaconf'} & set(sys.modules)))"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"usage: lwtrain {command}" in run.stdout
    assert run.stdout.endswith("[]\n"), run.stdout
