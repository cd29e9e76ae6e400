"""Whether sidecar, map and objective make a problem that a layer can learn from."""

from collections.abc import Callable

from lwtrain.config.schema import (
    AtOnce,
    AutoencoderConfig,
    BackpropConfig,
    BalancedConfig,
    EncoderConfig,
    HSICConfig,
    InfoProConfig,
    InfoProLossConfig,
    MapConfig,
    MirrorConfig,
    MLPConfig,
    ModelConfig,
    ObjectiveConfig,
    PseudoLabelsConfig,
    ReconstructionConfig,
    ScheduleConfig,
)
from lwtrain.config.wording import shown
from lwtrain.objectives.infopro_weights import check_layer, check_weights


def _rows_that_are_compared_stay_together(
    objective: ObjectiveConfig, schedule: ScheduleConfig, batch_size: int, micro_batch: int | None
) -> None:
    compared = objective.compares_rows and not isinstance(schedule, BackpropConfig)
    if compared and micro_batch is not None and micro_batch < batch_size:
        reason = f"objective={objective.name} compares the rows of a batch, which slices would keep apart"
        raise ValueError(f"micro_batch={micro_batch}: {reason}; choose null, or a smaller batch_size")


def _rows_that_are_compared_are_of_one_class(
    objective: ObjectiveConfig, schedule: ScheduleConfig, mixup: float
) -> None:
    if mixup and objective.compares_rows and not isinstance(schedule, BackpropConfig):
        reason = f"objective={objective.name} compares images by their classes, and blended ones have two"
        raise ValueError(f"mixup={mixup:g}: {reason}; choose 0")


def _layers_that_share_a_batch_share_its_labels(schedule: ScheduleConfig, pseudo_labels: PseudoLabelsConfig) -> None:
    if pseudo_labels.teacher == "own" and isinstance(schedule, AtOnce):
        reason = f"schedule={schedule.name} shows all layers the same batch, with one label for each image"
        raise ValueError(f"pseudo_labels.teacher=own: {reason}; choose vote")


def _decoder_suits_the_loss(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    binary = isinstance(objective, (BalancedConfig, ReconstructionConfig)) and objective.reconstruction == "bce"
    if binary and getattr(encoder, "output", "auto") == "linear":
        raise ValueError("objective.reconstruction=bce: needs values in [0, 1]; choose encoder.output=auto or sigmoid")


def _decoder_map_has_a_beginning(map: MapConfig, encoder: EncoderConfig) -> None:
    if map.name == "decoder" and not (isinstance(encoder, AutoencoderConfig) and encoder.kernel_size == 3):
        remedy = "choose encoder=a, b or c with encoder.kernel_size=3"
        raise ValueError(f"map=decoder: begins as the last convolution, of 3x3, of the decoder below; {remedy}")


def _mirror_gives_what_the_layers_give(model: ModelConfig, encoder: EncoderConfig) -> None:
    activation = getattr(model, "activation", "relu")
    if isinstance(encoder, MirrorConfig) and encoder.activation == "relu" and activation != "relu":
        reason = f"gives no number below 0, as model.activation={activation} does"
        raise ValueError(f"encoder.activation=relu: {reason}; choose none")


def _reconstruction_has_a_decoder(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, ReconstructionConfig) and not encoder.rebuilds:
        choices = "choose encoder=mirror, strided, dense, a, b or c"
        raise ValueError(f"objective=reconstruction: encoder={encoder.name} has no decoder; {choices}")


def _infopro_rebuilds_images(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, InfoProLossConfig) and not isinstance(encoder, InfoProConfig):
        raise ValueError(
            f"encoder={encoder.name}: objective=infopro rebuilds the network's images; choose encoder=infopro"
        )


def _infopro_teaches_every_layer(model: ModelConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, InfoProLossConfig):
        weights = objective.reconstruction_weight, objective.prediction_weight
        check_weights(*weights)
        for depth in range(model.num_layers):
            check_layer(*weights, depth, model.num_layers)


def _whole_autoencoder_has_a_way_back(
    model: ModelConfig, map: MapConfig, encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig
) -> None:
    if not (isinstance(schedule, BackpropConfig) and isinstance(objective, ReconstructionConfig)):
        return
    if not encoder.inverts:
        reason = "schedule=backprop rebuilds images from what the layers themselves give"
        raise ValueError(f"encoder={encoder.name}: {reason}; choose encoder=mirror")
    name = model.maps[0] if map.name == "auto" else map.name
    if name != "none":
        reason = "nothing leads back through a map, as schedule=backprop needs it with objective=reconstruction"
        raise ValueError(f"map={name}: {reason}; choose a model without maps, such as conv_autoencoder")


def _every_layer_has_a_coefficient(model: ModelConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, HSICConfig) and isinstance(objective.coefficient, list):
        given, num_layers = len(objective.coefficient), model.num_layers
        if given != num_layers:
            raise ValueError(
                f"objective.coefficient={shown(objective.coefficient)}: {given} coefficients for {num_layers} layers; "
                "give one for each, none for the head"
            )


def _every_branch_has_a_sigma(model: ModelConfig, objective: ObjectiveConfig) -> None:
    branches = getattr(model, "branches", 1)
    if isinstance(objective, HSICConfig) and isinstance(objective.sigma, list):
        given, setting = len(objective.sigma), f"objective.sigma={shown(objective.sigma)}"
        if not given:
            raise ValueError(f"{setting}: choose a number above 0, or one for each branch")
        if branches != 1 and given != branches:
            raise ValueError(
                f"{setting}: {given} widths for model.branches={branches}; give one for each, or a single one"
            )
        if isinstance(model, MLPConfig) and any(units * branches % given for units in model.hidden):
            reason = f"{given} branches cannot share the units of each layer, model.hidden={shown(model.hidden)}"
            raise ValueError(f"{setting}: {reason}; choose multiples of {given}")


RULES: tuple[Callable[..., None], ...] = (
    _rows_that_are_compared_stay_together,
    _rows_that_are_compared_are_of_one_class,
    _layers_that_share_a_batch_share_its_labels,
    _decoder_suits_the_loss,
    _decoder_map_has_a_beginning,
    _mirror_gives_what_the_layers_give,
    _reconstruction_has_a_decoder,
    _infopro_rebuilds_images,
    _infopro_teaches_every_layer,
    _whole_autoencoder_has_a_way_back,
    _every_layer_has_a_coefficient,
    _every_branch_has_a_sigma,
)
