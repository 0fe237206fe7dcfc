"""An archive, machines, and the rates that a plan is calculated from, each with where it comes from."""

from dataclasses import dataclass, fields
from pathlib import Path

from avnet.errors import OptionError


@dataclass(frozen=True)
class Rates:
    """Rates of one core, one chip or one row; the docstring of each says where it comes from."""

    prepare_speed: float = 16.0
    """Hours of 720p video that one core prepares in an hour. Measured: BENCHMARKS, "prepare, 720p"."""
    decode_speed: float = 16.0
    """Hours of 720p video that one core decodes for an index in an hour. Assumed as prepare_speed."""
    core_embed_rate: float = 10.8
    """Pairs of a frame and a second of sound that a core embeds in a second. Measured: BENCHMARKS, 21.6 on two."""
    chip_embed_rate: float = 6670.0
    """Pairs that one chip embeds in a second. Measured: BENCHMARKS, an H200, float32."""
    chip_train_rate: float = 9050.0
    """Pairs that one chip trains on in a second. Of PyTorch on an H200 (BENCHMARKS); avnet's own is not measured."""
    loader_rate: float = 498.0
    """Pairs that one core loads in a second. Measured: BENCHMARKS, "loader, one core"."""
    video_gb_per_hour: float = 1.1
    """Size of an hour of video, GB. Assumed: 720p at 2.5 Mbit/s."""
    record_kb: float = 116.0
    """Size of a pair in records, kB: 96 of a second of PCM at 48 kHz and, assumed, 20 of a JPEG of 256 pixels."""
    row_table_bytes: float = 39.0
    """Bytes of a row in the tables of an index beside its vector. Measured: 1,000 files of 100 rows."""
    side_row_bytes: float = 136.0
    """Bytes of a row in a side index of 128 numbers: one for each, and 8 of its place."""
    exact_ms_per_million: float = 26.7
    """Time of an exact search of a million rows, ms. Measured: BENCHMARKS, p95, 128 numbers; taken as proportional."""
    link_gb_s: float = 50.0
    """What a chip receives from others, GB/s. Assumed: 400 Gbit/s."""
    network_gb_s: float = 12.5
    """What all machines read from where the archive lies, GB/s. Assumed: 100 Gbit/s."""
    chip_tflops: float = 280.0
    """What a chip does in the matrix of scores, TFLOP/s. Assumed: 40 % of 700, a matrix product in BENCHMARKS."""

    def __post_init__(self):
        for field in fields(Rates):
            if not 0 < getattr(self, field.name) < float("inf"):
                raise OptionError(field.name, f"must be more than 0, got {getattr(self, field.name):g}")


@dataclass(frozen=True)
class PlanConfig(Rates):
    """Calculate what an archive costs from measured rates: hours, disks, network, and where which limit lies.

    Example: python -m eval plan --hours 10000 --cores 64 --chips 8
    """

    hours: float = 1000.0
    """Hours of video."""
    cores: int = 2
    """Cores, of all machines together."""
    chips: int = 0
    """GPUs or TPUs; with none the cores embed, and nothing is trained."""
    every_s: float = 1.0
    """Distance of the moments that are recorded and indexed, in seconds; each is a frame and a second of sound."""
    epochs: float = 10.0
    """How often training sees every pair."""
    batch: int = 1024
    """Pairs in a batch for each chip."""
    size: int = 128
    """Numbers of a vector."""
    number_bytes: int = 4
    """Bytes of a number in the index: 4 for float32, 2 for float16, 1 for int8."""
    memory_gb: float = 64.0
    """Memory of the machine that searches, GB."""
    answer_ms: float = 150.0
    """Longest time that a search may take, ms."""
    out: Path | None = None
    """JSON file to write, with the plan and all rates."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("hours", "every_s", "epochs", "memory_gb", "answer_ms"):
            if not 0 < getattr(self, name) < float("inf"):
                raise OptionError(name, f"must be more than 0, got {getattr(self, name):g}")
        for name in ("cores", "batch", "size", "number_bytes"):
            if getattr(self, name) < 1:
                raise OptionError(name, f"must be at least 1, got {getattr(self, name)}")
        if self.chips < 0:
            raise OptionError("chips", f"must be at least 0, got {self.chips}")
