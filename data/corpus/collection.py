"""Records of a small collection, made on the way when a folder of videos is given in their place."""

from pathlib import Path

from avnet.errors import DataError
from data.corpus.config import PrepareConfig
from data.corpus.corpus import PLAN
from data.corpus.prepare import prepare
from data.corpus.summary import print_summary
from data.records.records import INFO
from data.sampling.config import SamplingConfig

# A list of validation needs two videos at least.
FRACTIONS = (0.7, 0.2, 0.1)


def records_of(data: Path, kept_in: Path | None, short_side: int) -> Path:
    """The folder of records to read.

    Args:
        data: a folder of records, which is taken as it is; or of videos, which are prepared once, by the same code.
        kept_in: where records of videos are kept; None refuses videos.
        short_side: that their frames need at least, pixels.

    Returns:
        `data` or `kept_in`.

    Raises:
        DataError: there is no video that can be used, or others were prepared there before.
    """
    if not data.is_dir() or (data / INFO).exists() or (data / PLAN).exists():
        return data
    if kept_in is None:
        reason = (
            "is not a folder of records, which several processes need; prepare it first with python -m data prepare"
        )
        raise DataError(data, reason)
    sampling = SamplingConfig(short_side=max(short_side, SamplingConfig.short_side))
    # Few videos: shares by their hash alone would often leave a split empty.
    prepare(PrepareConfig((data,), kept_in, split_by="rank", fractions=FRACTIONS, sampling=sampling))
    print_summary(kept_in)
    return kept_in
