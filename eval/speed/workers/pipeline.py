"""The input pipeline alone: from records on disk to batches in memory, as training reads them."""

from dataclasses import dataclass
from pathlib import Path

import grain

from avnet.correspondence.config import ModelConfig, PresetName
from data.records.loader import load_batches, read_ahead
from data.records.pairs import PairConfig, canvas_of
from data.records.records import open_split
from eval.speed import protocol


@dataclass(frozen=True)
class Options:
    """What is read.

    Attributes:
        records: folder of them.
        preset: of the network that the batches are for.
        batch_size: pairs in a batch.
        threads: that read.
        repeats: batches in a repetition.
    """

    records: str
    preset: PresetName
    batch_size: int
    threads: int
    repeats: int


def main() -> None:
    """Answers the request "pipeline", in pairs."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        config = ModelConfig.preset("ave", options.preset)
        pairs = PairConfig(config.clip_samples, canvas=canvas_of(config.image_size))
        source = open_split(Path(options.records), "train", config.spectrogram.sample_rate)
        batches = load_batches(source, pairs, options.batch_size, 0, threads=options.threads)

        def drain() -> None:
            # Batches that were ready before a repetition began must not count as its work.
            for _ in range(read_ahead(options.threads)):
                next(batches)

        def work() -> None:
            for _ in range(options.repeats):
                next(batches)

        measure = protocol.way_of(work, options.batch_size * options.repeats)

        def way() -> protocol.Repetition:
            drain()
            return measure()

        drain()
        protocol.serve(line, {"pipeline": way}, {"library": f"grain {grain.__version__}", "threads": options.threads})


if __name__ == "__main__":
    main()
