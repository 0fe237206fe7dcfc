"""What an archive costs: plain arithmetic over rates."""

from dataclasses import dataclass
from typing import Literal

from eval.plan.config import PlanConfig

HOUR = 3600.0
Engine = Literal["exact", "side index", "LanceDB"]


@dataclass(frozen=True)
class Step:
    """One step of the work.

    Attributes:
        name: what is done.
        core_hours: of cores.
        chip_hours: of GPUs or TPUs.
        wall_hours: with all cores and chips, and the network.
        limit: what takes that long.
    """

    name: str
    core_hours: float
    chip_hours: float
    wall_hours: float
    limit: str


@dataclass(frozen=True)
class Plan:
    """What an archive costs.

    Attributes:
        pairs: of a frame and a second of sound.
        rows: of the index, two for each pair.
        steps: prepare, train, index.
        storage_gb: by what is stored.
        network_gb: what is read from where the archive lies, once to prepare and once to index it.
        exact_ms: time of an exact search of all rows.
        engine: the first of exact, side index and LanceDB that answers in time and fits into memory.
        side_from: rows from which an exact search takes too long.
        lance_from: rows from which a side index does not fit into memory.
        loader_chips: number of chips from which the cores load too few pairs for them.
        gather_chips: number of chips from which gathering the embeddings takes longer than a step without it.
        score_chips: number of chips from which the matrix of scores does.
    """

    pairs: float
    rows: float
    steps: tuple[Step, ...]
    storage_gb: dict[str, float]
    network_gb: float
    exact_ms: float
    engine: Engine
    side_from: float
    lance_from: float
    loader_chips: float
    gather_chips: float
    score_chips: float


def plan(config: PlanConfig) -> Plan:
    """Calculates a plan.

    Example:
        >>> from eval.plan.config import PlanConfig
        >>> from eval.plan.plan import plan
        >>> plan(PlanConfig(hours=100.0)).rows
        720000.0
    """
    pairs = config.hours * HOUR / config.every_s
    rows = 2 * pairs
    vectors_gb = rows * config.size * config.number_bytes / 1e9
    storage = {
        "video": config.hours * config.video_gb_per_hour,
        "records": pairs * config.record_kb / 1e6,
        "vectors of the index": vectors_gb,
        "tables of the index": rows * config.row_table_bytes / 1e9,
        "side index": rows * config.side_row_bytes / 1e9,
    }
    exact_ms = rows / 1e6 * config.exact_ms_per_million * config.size / 128
    side_from = 1e6 * config.answer_ms / (config.exact_ms_per_million * config.size / 128)
    lance_from = config.memory_gb * 1e9 / config.side_row_bytes
    engine: Engine = "exact" if rows <= side_from else "side index" if rows <= lance_from else "LanceDB"
    # A chip receives the embeddings of both kinds from all others in float32: 8 bytes a number of a pair. What a step
    # does besides takes batch / rate seconds, whatever the number of chips.
    own_s = config.batch / config.chip_train_rate
    of_each_s = 8 * config.size * config.batch / (1e9 * config.link_gb_s)
    # Scores of its own pairs with those of all, and the gradients of both sides: three products of 2 FLOP a number.
    scores_s = 3 * 2 * config.size * config.batch**2 / (1e12 * config.chip_tflops)
    return Plan(
        pairs,
        rows,
        (_prepare(config), *_train(config, pairs), _index(config, pairs)),
        storage,
        2 * storage["video"],
        exact_ms,
        engine,
        side_from,
        lance_from,
        config.cores * config.loader_rate / config.chip_train_rate,
        1 + own_s / of_each_s,
        own_s / scores_s,
    )


def _prepare(config: PlanConfig) -> Step:
    core_hours = config.hours / config.prepare_speed
    return Step(
        "prepare records", core_hours, 0.0, *_longest(cores=core_hours / config.cores, network=_reading(config))
    )


def _train(config: PlanConfig, pairs: float) -> list[Step]:
    if not config.chips:
        return []
    seen = pairs * config.epochs
    core_hours, chip_hours = seen / config.loader_rate / HOUR, seen / config.chip_train_rate / HOUR
    # Gathering and scores come on top of what a chip does by itself.
    batches = seen / (config.batch * config.chips)
    gather_s = 8 * config.size * config.batch * (config.chips - 1) / (1e9 * config.link_gb_s)
    scores_s = 6 * config.size * config.batch**2 * config.chips / (1e12 * config.chip_tflops)
    chips = chip_hours / config.chips + batches * (gather_s + scores_s) / HOUR
    return [Step("train", core_hours, chip_hours, *_longest(chips=chips, loader=core_hours / config.cores))]


def _index(config: PlanConfig, pairs: float) -> Step:
    decoding, reading = config.hours / config.decode_speed, _reading(config)
    if not config.chips:
        core_hours = decoding + pairs / config.core_embed_rate / HOUR
        return Step("index", core_hours, 0.0, *_longest(cores=core_hours / config.cores, network=reading))
    chip_hours = pairs / config.chip_embed_rate / HOUR
    limits = _longest(cores=decoding / config.cores, chips=chip_hours / config.chips, network=reading)
    return Step("index", decoding, chip_hours, *limits)


def _reading(config: PlanConfig) -> float:
    """Hours in which all of the archive comes over the network."""
    return config.hours * config.video_gb_per_hour / config.network_gb_s / HOUR


def _longest(**hours: float) -> tuple[float, str]:
    name = max(hours, key=lambda one: hours[one])
    return hours[name], name
