"""Runs that differ by nothing but their seed, as one row: means and spreads."""

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Self

from lwtrain.config.flattening import flatten
from lwtrain.errors import DataError
from lwtrain.plain_files import read_plain
from tabulating.record import check_record, telling_words

ASIDE = ("seed", "data_dir", "ckpt_path", "progress", "trainer.max_time")
"""Settings by which runs of one row may differ: they make no other experiment."""

IDLE_WITHOUT = {"pseudo_labels.teacher": "none"}
"""Settings that, at these values, leave all others of their part without a use."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """Figures of several seeds."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Self | None:
        """Gather those there are; None if there are none."""
        there = tuple(value for value in values if value is not None)
        return cls(there) if there else None

    @property
    def mean(self) -> float:
        """Their mean."""
        return mean(self.values)

    @property
    def half_range(self) -> float:
        """Half of the distance between the largest and the smallest."""
        return (max(self.values) - min(self.values)) / 2


@dataclass(frozen=True)
class ResultRow:
    """One experiment, by all seeds that it was run with."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """The run with the lowest seed."""
        return self.records[0]

    @property
    def words(self) -> str:
        """The settings of its command line, without the seed."""
        return shlex.join(telling_words(self.first["command"]))

    @property
    def machines(self) -> list[str]:
        """What the runs were made on."""
        told = (", ".join(f"{name} {value}" for name, value in record["machine"].items()) for record in self.records)
        return list(dict.fromkeys(told))

    @property
    def machine(self) -> str:
        """The same in one text."""
        return "; ".join(self.machines)

    def accuracy(self, part: str, stage: str = "test") -> Spread | None:
        """Give the accuracies of "vote", "head" or a layer."""
        return Spread.of(record["accuracy"][stage].get(part) for record in self.records)

    def figure(self, name: str) -> Spread:
        """Give a figure such as seconds."""
        spread = Spread.of(record[name] for record in self.records)
        assert spread is not None
        return spread

    def best_layer(self) -> Spread | None:
        """Give the test accuracy of each run's best layer, chosen by validation images."""
        return Spread.of(_best_layer(record) for record in self.records)


def _best_layer(record: Record) -> float | None:
    layers = {name: value for name, value in record["accuracy"]["val"].items() if name.startswith("layer_")}
    return record["accuracy"]["test"].get(max(layers, key=layers.__getitem__)) if layers else None


def read_records(folder: Path, besides: Collection[str] = ()) -> list[Record]:
    """Read all results in a folder; those of studies have folders of their own.

    Args:
        folder: Where they are.
        besides: Files in it that hold something else.

    Raises:
        DataError: If one of the files is damaged.
    """
    records: list[Record] = []
    for path in sorted(path for path in folder.glob("*.json") if path.name not in besides):
        try:
            records.append(check_record(read_plain(path)))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a result that can be read ({error})") from error
    return records


def gather(records: Sequence[Record]) -> list[ResultRow]:
    """Put runs of the same settings, code aside, into one row each: by data set, labels, and the best vote last.

    A setting that one run has and another has not is newer than the other, and makes no difference.
    """
    groups: list[tuple[dict[str, Any], list[Record]]] = []
    for record in records:
        settings = telling_settings(record["config"])
        settings["cut_short"] = record["cut_short"]
        for shared, group in groups:
            if all(shared[name] == settings[name] for name in shared.keys() & settings.keys()):
                group.append(record)
                shared.update(settings)
                break
        else:
            groups.append((settings, [record]))
    rows = [ResultRow(tuple(sorted(group, key=_seed))) for _, group in groups]
    return sorted(rows, key=_order)


def telling_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings that make an experiment, by their full names: those that have a use, and are not set aside.

    Example:
        >>> telling_settings({"seed": 0, "batch_size": 8, "pseudo_labels": {"teacher": "none", "share": 0.5}})
        {'batch_size': 8, 'pseudo_labels.teacher': 'none'}
    """
    settings = flatten(config)
    off = [name for name, value in IDLE_WITHOUT.items() if settings.get(name) == value]
    idle = tuple(f"{name.rpartition('.')[0]}." for name in off)
    return {
        name: value
        for name, value in settings.items()
        if name not in ASIDE and (name in off or not name.startswith(idle))
    }


def _seed(record: Record) -> int:
    return int(record["config"]["seed"])


def _order(row: ResultRow) -> tuple[str, str, float]:
    config, vote = row.first["config"], row.accuracy("vote")
    return config["dataset"]["name"], str(config["labels"]), vote.mean if vote else 0.0
