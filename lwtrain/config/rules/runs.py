"""Whether a run can be carried out as it is asked for: its optimizer, schedule, files and processes."""

import re
from collections.abc import Callable
from pathlib import Path

from lwtrain import schedules
from lwtrain.config.run_folders import check_is_run
from lwtrain.config.schema import (
    BackpropConfig,
    CallbacksConfig,
    CustomConfig,
    FrontConfig,
    LayerConfig,
    ModelConfig,
    OptimizerConfig,
    PipelinedConfig,
    PseudoLabelsConfig,
    ScheduleConfig,
    SGDConfig,
    TrainerConfig,
)
from lwtrain.config.visits import epochs_of_layers, visits_of
from lwtrain.config.wording import shown
from lwtrain.courses import check_drops
from lwtrain.errors import DataError
from lwtrain.registry import choices_hint

_MOST_EPOCHS = 10**6  # a run plans each of its epochs before the first begins


def _every_layer_has_a_learning_rate(model: ModelConfig, optimizer: OptimizerConfig) -> None:
    num_layers = model.num_layers + 1
    if isinstance(optimizer.lr, list) and len(optimizer.lr) != num_layers:
        raise ValueError(
            f"optimizer.lr={shown(optimizer.lr)}: {len(optimizer.lr)} learning rates for {num_layers} layers; "
            "give one for each, the head's last"
        )


def _every_estimator_measures_once(callbacks: CallbacksConfig) -> None:
    if plane := callbacks.information_plane:
        setting = f"callbacks.information_plane.estimators={shown(plane.estimators)}"
        if not plane.estimators:
            raise ValueError(f"{setting}: choose at least one")
        if len(set(plane.estimators)) < len(plane.estimators):
            raise ValueError(f"{setting}: choose each one once")


def _learning_rate_drops_in_order(optimizer: OptimizerConfig) -> None:
    check_drops(optimizer.drops_at)


def _nesterov_has_momentum(optimizer: OptimizerConfig) -> None:
    if isinstance(optimizer, SGDConfig) and optimizer.nesterov and not optimizer.momentum:
        raise ValueError("optimizer.nesterov=true: needs optimizer.momentum above 0")


def _the_visits_can_be_made(model: ModelConfig, schedule: ScheduleConfig) -> None:
    epochs = 0
    for visit in visits_of(schedule, model.num_layers + 1):
        epochs += visit.epochs
        if epochs > _MOST_EPOCHS:
            setting = "visits" if isinstance(schedule, CustomConfig) else f"epochs={shown(schedule.epochs)}"
            raise ValueError(f"schedule.{setting}: more than {_MOST_EPOCHS} epochs of all layers; choose fewer")


def _averages_are_of_epochs_that_there_are(
    model: ModelConfig, optimizer: OptimizerConfig, schedule: ScheduleConfig
) -> None:
    num_layers = model.num_layers + 1
    epochs = epochs_of_layers(visits_of(schedule, num_layers), num_layers)
    schedules.check_average_last(optimizer.average_last, epochs.values())


def _layers_to_load_are_there(layer: LayerConfig) -> None:
    for path in layer.load or []:
        if not Path(path).exists():
            raise ValueError(f"layer.load={path}: there is no such file or folder")


def _a_run_that_teaches_is_there(pseudo_labels: PseudoLabelsConfig) -> None:
    run = pseudo_labels.run
    if run is not None and not run.is_dir():
        hint = choices_hint(pseudo_labels.teacher, ["none", "vote", "own"])
        raise ValueError(f"pseudo_labels.teacher={pseudo_labels.teacher}: {hint}, or the folder of a trained run")
    if run is not None:
        try:
            check_is_run(run, "last")
        except DataError as error:
            raise ValueError(f"pseudo_labels.teacher={error}") from error


def _loaded_layers_can_rest(layer: LayerConfig, schedule: ScheduleConfig) -> None:
    if layer.load and isinstance(schedule, BackpropConfig):
        remedy = "not with schedule=backprop, which would train them again; choose another schedule"
        raise ValueError(f"layer.load={shown(layer.load)}: {remedy}")


def _front_has_a_folder(front: FrontConfig) -> None:
    if front.folder is not None and not Path(front.folder).is_dir():
        raise ValueError(f"front.folder={front.folder}: there is no such folder")


def _data_dir_is_a_folder(data_dir: str) -> None:
    if Path(data_dir).exists() and not Path(data_dir).is_dir():
        raise ValueError(f"data_dir={data_dir}: this is a file; choose a folder")


def _time_is_a_time(trainer: TrainerConfig) -> None:
    if trainer.max_time is not None and not re.fullmatch(r"\d+:\d\d:\d\d:\d\d", trainer.max_time):
        raise ValueError(f"trainer.max_time={trainer.max_time}: write days:hours:minutes:seconds, such as 00:12:00:00")


def _one_process_in_a_multirun(trainer: TrainerConfig, multirun: bool) -> None:
    remedy = (
        "not with -m: each run would start processes that begin the whole multirun anew. "
        "Start the runs one by one, with torchrun or srun in a loop (docs/clusters.md)"
    )
    if multirun and trainer.strategy != "auto":
        raise ValueError(f"trainer.strategy={trainer.strategy}: {remedy}")
    if multirun and trainer.num_nodes > 1:
        raise ValueError(f"trainer.num_nodes={trainer.num_nodes}: {remedy}")
    if multirun and trainer.num_devices != 1:
        raise ValueError(f"trainer.devices={trainer.devices}: {remedy}, or choose trainer.devices=1")


def _one_process_goes_back(callbacks: CallbacksConfig, trainer: TrainerConfig) -> None:
    several = trainer.several_processes or trainer.strategy != "auto"
    if callbacks.on_nan == "rewind" and several:
        remedy = "not where processes train together, which would not begin again together; choose stop"
        raise ValueError(f"callbacks.on_nan=rewind: {remedy}, or trainer.devices=1")


def _a_line_trains_alone(schedule: ScheduleConfig, trainer: TrainerConfig, layer: LayerConfig) -> None:
    if not isinstance(schedule, PipelinedConfig):
        return
    if trainer.strategy != "auto":
        raise ValueError(f"trainer.strategy={trainer.strategy}: schedule=pipelined has one of its own; choose auto")
    if layer.load:
        remedy = "schedule=pipelined trains all layers; choose schedule=simultaneous"
        raise ValueError(f"layer.load={shown(layer.load)}: {remedy}")


def _a_line_has_layers_for_all(model: ModelConfig, schedule: ScheduleConfig, trainer: TrainerConfig) -> None:
    if not isinstance(schedule, PipelinedConfig) or trainer.num_devices is None:
        return
    processes, layers = trainer.num_devices * trainer.num_nodes, model.num_layers + 1
    if processes > layers:
        raise ValueError(f"trainer.devices={shown(trainer.devices)}: choose 1 to {layers}, as many as there are layers")
    if schedule.deal is not None and (len(schedule.deal), sum(schedule.deal)) != (processes, layers):
        wanted = f"choose a number for each of {processes} processes, {layers} layers in all"
        raise ValueError(f"schedule.deal={shown(schedule.deal)}: {wanted}")


def _a_line_of_processes_does_without(
    schedule: ScheduleConfig, trainer: TrainerConfig, optimizer: OptimizerConfig, compile: bool
) -> None:
    if not isinstance(schedule, PipelinedConfig) or not trainer.several_processes:
        return
    reason = "not with schedule=pipelined on several processes"
    if optimizer.average_last:
        raise ValueError(f"optimizer.average_last={optimizer.average_last}: {reason}; choose 0")
    if trainer.gradient_clip_val is not None:
        whole = "each of which knows the gradients of its own layers only"
        raise ValueError(f"trainer.gradient_clip_val={trainer.gradient_clip_val:g}: {reason}, {whole}; choose null")
    if compile:
        raise ValueError(f"compile=true: {reason}; choose false")


def _captured_steps_go_alone(cuda_graphs: bool, compile: bool, micro_batch: int | None, trainer: TrainerConfig) -> None:
    if not cuda_graphs:
        return
    if compile:
        raise ValueError("cuda_graphs=true: not with compile=true; choose one of them")
    if micro_batch is not None:
        raise ValueError(f"cuda_graphs=true: not with micro_batch={micro_batch}; choose one of them")
    if trainer.several_processes:
        raise ValueError(f"cuda_graphs=true: not with trainer.devices={shown(trainer.devices)}; choose false, or 1")


RULES: tuple[Callable[..., None], ...] = (
    _every_layer_has_a_learning_rate,
    _every_estimator_measures_once,
    _learning_rate_drops_in_order,
    _nesterov_has_momentum,
    _the_visits_can_be_made,
    _averages_are_of_epochs_that_there_are,
    _layers_to_load_are_there,
    _a_run_that_teaches_is_there,
    _loaded_layers_can_rest,
    _front_has_a_folder,
    _data_dir_is_a_folder,
    _time_is_a_time,
    _one_process_in_a_multirun,
    _one_process_goes_back,
    _a_line_trains_alone,
    _a_line_has_layers_for_all,
    _a_line_of_processes_does_without,
    _captured_steps_go_alone,
)
