"""Records of a small collection, made on the way when a folder of videos is given in their place."""

from pathlib import Path

from avnet.errors import DataError
from avnet.files.tree import list_tree
from avnet.media.suffixes import VIDEOS, is_data
from data.corpus.config import PrepareConfig
from data.corpus.corpus import PLAN
from data.corpus.prepare import prepare
from data.corpus.summary import print_summary
from data.records.records import INFO
from data.sampling.config import SamplingConfig

# A list of validation needs two videos at least.
FRACTIONS = (0.7, 0.2, 0.1)
# Fewer videos than this share their halves, without a test split, and are cut short, so that a batch has enough.
FEW, HALVES, SHORT_S = 7, (0.5, 0.5, 0.0), 2.0


def records_of(data: Path, kept_in: Path | None, short_side: int, fps: float | None = None) -> Path:
    """The folder of records to read.

    Args:
        data: a folder of records, which is taken as it is; or of videos, which are prepared once, by the same code.
        kept_in: where records of videos are kept; None refuses videos.
        short_side: that their frames need at least, pixels.
        fps: frames a second that are needed of videos; None for the usual number.

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
    few = sum(file.suffix.lower() in VIDEOS and not is_data(file) for file in list_tree(data).files) < FEW
    segment_s = SHORT_S if few else SamplingConfig.segment_s
    side = max(short_side, SamplingConfig.short_side)
    sampling = SamplingConfig(short_side=side, segment_s=segment_s, fps=fps or SamplingConfig.fps)
    fractions = HALVES if few else FRACTIONS
    # Few videos: shares by their hash alone would differ much from these.
    prepare(PrepareConfig((data,), kept_in, split_by="rank", fractions=fractions, sampling=sampling))
    print_summary(kept_in)
    return kept_in
