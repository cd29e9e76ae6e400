"""From the words of a command line to checked configs, with every mistake in one message."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, product
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lwtrain.config.checking import check
from lwtrain.config.composing import Composed, Composer, swept_in
from lwtrain.config.files import group_choices
from lwtrain.config.launchers import mistakes_of_launcher
from lwtrain.config.run_folders import (
    LIMITS,
    NOT_FREE,
    EarlierRun,
    check_new_folder,
    check_writable,
    differences,
    find_earlier_run,
    holds_checkpoints,
    is_first_process,
)
from lwtrain.config.schema import Config
from lwtrain.config.search_mistakes import is_search, mistakes_of_search, searched_otherwise
from lwtrain.config.sweep_folders import made_otherwise
from lwtrain.config.words import Given, Word, parse, quoted
from lwtrain.errors import ConfigError

_MOST_RUNS = 30  # of a multirun that are looked at before it starts, in seconds; the others when their turn comes


class CommandLine:
    """The words after `lwtrain`: what they ask for, and whether it can be had.

    Where they continue a run, the words that started it count too, as far as they are not given anew; but what limited
    that start, such as trainer.max_epochs, does not limit this one.

    Args:
        texts: Words such as "model=vgg11,vgg13".
        multirun: Whether they start a run for each combination of their values.
        folders: Where the user's own YAML files lie, besides conf/.
        config_name: The YAML file to start from.
    """

    def __init__(
        self,
        texts: Sequence[str],
        *,
        multirun: bool = False,
        folders: Sequence[Path] = (),
        config_name: str = "train",
    ) -> None:
        self.multirun = multirun or "hydra.mode=MULTIRUN" in texts
        self._mistakes = [
            f"--config-dir={folder}: there is no such folder" for folder in folders if not folder.is_dir()
        ]
        self._groups = group_choices(*folders)
        self._composer = Composer(config_name, [folder for folder in folders if folder.is_dir()])
        self._doubtful: set[str] = set()  # groups whose choice is a mistake,
        self._unreadable: set[str] = set()  # and those of them for which no other choice can stand in
        self._refused: set[str] = set()  # settings that were given, but in words that cannot be read
        self._goes_on = False  # with the runs that lie in the folder of a multirun
        self._words = self._parse(*texts)
        self._earlier = self._find_earlier_run()
        if self._earlier is not None:
            self._words = self._continued(self._earlier)

    def check(self, *, new_folder: bool = False) -> list[Config]:
        """Compose and check every run.

        Args:
            new_folder: Whether to make sure of the folder that a run would get, too.

        Returns:
            A config for each run; of a large multirun the first ones.

        Raises:
            ConfigError: If anything is wrong; the message has a line for each mistake.
        """
        with self._composer.ready():
            words = [*self._swept_in_files(), *self._words]
            outcomes = [self._composer.compose(run, self._mistakes) for run in self._runs(words)]
            for run in _each_value(words):  # of a large multirun the files at least: they shall not bring code
                self._composer.compose_files(run, self._mistakes)
            composed = [outcome for outcome in outcomes if outcome is not None]
            self._check_swept(composed, starts=new_folder)
            configs = [self._check(each) for each in composed]
            if composed:
                self._mistakes += mistakes_of_launcher(composed[0].hydra, multirun=self.multirun, starts=new_folder)
            if self.multirun and composed:
                self._mistakes += mistakes_of_search(composed[0].hydra, words, configs)
            if new_folder and is_first_process():
                for first in composed[:1]:
                    self._check_folder(first)
                    if self._goes_on and not self._mistakes:
                        self._check_earlier_jobs(first, words, configs)
        told = [line for line in self._mistakes if line.partition(": missing; ")[0] not in self._refused]
        if self._mistakes:
            raise ConfigError("\n".join(dict.fromkeys(told)))
        return [config for config in configs if config is not None]

    def notes(self) -> list[str]:
        """Say what a user should know of the run that is continued, though it is no mistake."""
        if self._earlier is None or self._earlier.damaged is None:
            return []
        damaged, sound = self._earlier.damaged, self._earlier.checkpoint.name
        return [f"{damaged}: missing or damaged; going on from {sound}, and making the epochs behind it again"]

    def for_hydra(self) -> list[str]:
        """Give the words on to Hydra, which wants a sign before settings that no YAML file has a value for."""
        return [("++" if word.key in self._composer.added else "") + word.text for word in self._words]

    def _runs(self, words: Sequence[Word]) -> Iterable[tuple[Given, ...]]:
        """Combine the words' values, beginning with combinations that have each value of each word in them."""
        combinations = product(*(word.runs for word in words if word.runs))
        first = islice(chain(_each_value(words), combinations), _MOST_RUNS)
        return {tuple(given.text for given in run): run for run in first}.values()

    def _swept_in_files(self) -> list[Word]:
        """Read the values that YAML files list for a multirun, but where a word says otherwise."""
        if not self.multirun:
            return []
        first = self._composer.compose(next(iter(self._runs(self._words))), self._mistakes)
        given = {word.key for word in self._words}
        swept = {} if first is None else swept_in(first)
        return self._parse(*(f"{key}={values}" for key, values in swept.items() if key.lstrip("+") not in given))

    def _check_swept(self, runs: Sequence[Composed], *, starts: bool) -> None:
        """Make sure that Hydra can try what YAML files list, and that it is asked to."""
        added = self._composer.added - {word.key for word in self._words}
        for run in runs:
            swept = swept_in(run)
            if swept and starts and not self.multirun:
                self._mistakes.append(
                    f"hydra.sweeper.params: there are values to try ({', '.join(swept)}); put -m first"
                )
            if self.multirun and swept != swept_in(runs[0]):  # Hydra reads them before it goes through experiments
                group = "hparams_search" if self._given("hparams_search") else "experiment"
                self._mistakes.append(f"{group}: one that lists values to try cannot be one of several; choose one")
            for key in added.intersection(swept):
                self._mistakes.append(f"hydra.sweeper.params.{key}: no YAML file has a value for it; write ++{key}")

    def _parse(self, *texts: str) -> list[Word]:
        words = []
        for text in texts:
            before = len(self._mistakes)
            word = parse(text, self._groups, self._mistakes, multirun=self.multirun)
            if word is None:
                self._refused.add(text.partition("=")[0].lstrip("+"))
            else:
                words.append(word)
                if len(self._mistakes) > before:
                    (self._doubtful if word.runs else self._unreadable).add(word.key)
        return words

    def _given(self, key: str) -> str | None:
        """What the words set `key` to, the last one counting."""
        values = [word.runs[0].value for word in self._words if word.key == key and word.runs]
        return None if not values or values[-1] is None else str(values[-1])

    def _find_earlier_run(self) -> EarlierRun | None:
        ckpt_path, run_dir = self._given("ckpt_path"), self._given("hydra.run.dir")
        if ckpt_path is None:
            return None
        if self.multirun:
            self._goes_on = True
            if any(word.text != "ckpt_path=auto" for word in self._words if word.key == "ckpt_path"):
                remedy = "choose auto, or go on with one run at a time"
                self._mistakes.append(f"ckpt_path={ckpt_path}: not with -m; {remedy}")
            elif self._given("hydra.sweep.dir") is None:
                self._mistakes.append("ckpt_path=auto: say where the runs lie, or are to lie: hydra.sweep.dir=FOLDER")
            return None
        if ckpt_path == "auto":
            if run_dir is None:
                self._mistakes.append("ckpt_path=auto: say where the run lies, or is to lie: hydra.run.dir=FOLDER")
            if run_dir is None or not holds_checkpoints(Path(run_dir)):
                self._words = [word for word in self._words if word.key != "ckpt_path"]
                return None
            ckpt_path = run_dir
        folder = Path(run_dir or "outputs")
        try:
            return find_earlier_run(ckpt_path, folder if folder.is_dir() else Path("outputs"))
        except ConfigError as error:
            self._mistakes.append(str(error))
            return None

    def _continued(self, earlier: EarlierRun) -> list[Word]:
        """Put the words of an earlier run before those given now, and its folder and checkpoint behind them."""
        given = {word.key for word in self._words}
        anew = given.union(LIMITS)
        before = [word for word in self._parse(*earlier.words) if not anew & _overruled_by(word.key)]
        now = [word for word in self._words if word.key != "ckpt_path"]
        place = [f"ckpt_path={quoted(earlier.checkpoint)}"]
        if earlier.folder is not None and "hydra.run.dir" not in given:
            place.append(f"hydra.run.dir={quoted(earlier.folder)}")
        return [*before, *now, *self._parse(*place)]

    def _check(self, composed: Composed) -> Config | None:
        config = check(
            composed.values,
            self._groups,
            self._mistakes,
            multirun=self.multirun,
            doubtful=self._doubtful,
            unreadable=self._unreadable | composed.dangling,
        )
        if config is not None and self._earlier is not None:
            self._mistakes += differences(config, self._earlier)
        return config

    def _check_folder(self, run: Composed) -> None:
        setting = "hydra.sweep.dir" if self.multirun else "hydra.run.dir"
        try:
            folder = Path(str(OmegaConf.select(run.hydra, setting.removeprefix("hydra."))))
            continued = self._earlier is not None and folder.resolve() == self._earlier.folder
            (check_writable if continued or self._goes_on else check_new_folder)(folder, setting)
        except (OmegaConfBaseException, ConfigError) as error:
            self._mistakes.append(str(error))

    def _check_earlier_jobs(self, first: Composed, words: Sequence[Word], configs: Sequence[Config | None]) -> None:
        """Make sure that the runs which lie in the folder of a multirun are those that it would make."""
        place = OmegaConf.to_container(first.hydra.sweep, resolve=False)
        if not isinstance(place, dict) or place["subdir"] != "${hydra.job.num}":
            self._mistakes.append("hydra.sweep.subdir: not with ckpt_path=auto, which finds runs by their numbers")
        if shuffled := [word.text for word in words if "shuffle" in word.text.partition("=")[2]]:
            self._mistakes.append(f"{shuffled[0]}: not with ckpt_path=auto, which finds runs by their numbers")
        folder = Path(str(first.hydra.sweep.dir))
        if is_search(first.hydra):
            for config in configs[:1]:
                assert config is not None, "there are no mistakes"
                self._mistakes += searched_otherwise(folder, swept_in(first), self._words, config)
            return
        earlier = [int(path.name) for path in folder.glob("[0-9]*") if path.name.isdecimal()]
        jobs = islice(_jobs(words, swept_in(first)), max(earlier, default=-1) + 1)
        for number, job in enumerate(jobs):
            composed = self._composer.compose(job, self._mistakes) if (folder / str(number)).is_dir() else None
            config = None if composed is None else self._check(composed)
            if config is not None:
                self._mistakes += made_otherwise(config, folder / str(number))
            if self._mistakes:  # one run that differs is told: where values come or go, all behind it do
                return


def _jobs(words: Sequence[Word], swept: Iterable[str]) -> Iterator[tuple[Given, ...]]:
    """Combine the words' values in the order in which Hydra numbers the runs: first what YAML files want tried."""
    last = {word.key: word for word in words}
    order = dict.fromkeys([*(key.lstrip("+") for key in swept), *last])
    return product(*(last[key].runs for key in order if key in last and last[key].runs))


def _each_value(words: Sequence[Word]) -> Iterator[tuple[Given, ...]]:
    """Go through combinations that have each value of each word in them, and no more than that takes."""
    values = [word.runs for word in words if word.runs]
    for number in range(max(map(len, values), default=1)):
        yield tuple(runs[min(number, len(runs) - 1)] for runs in values)


def _overruled_by(key: str) -> set[str]:
    """Say what has to be given anew for a setting not to be carried over: itself, or its group if it is free to go."""
    return {key} if key in NOT_FREE else {key, key.partition(".")[0]}
