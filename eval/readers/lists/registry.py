"""The readers of lists by the names of their datasets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.readers.lists.audioset import names_audioset, read_audioset
from eval.readers.lists.ave import names_ave, read_ave
from eval.readers.lists.clip import LabelledClip, usual_spelling, youtube_spellings
from eval.readers.lists.dcase import names_dcase, read_dcase
from eval.readers.lists.esc50 import names_esc50, read_esc50
from eval.readers.lists.flickr_soundnet import read_flickr_soundnet_list
from eval.readers.lists.kinetics_sounds import names_kinetics, read_kinetics_sounds
from eval.readers.lists.vggsound import names_vggsound, read_vggsound

DatasetName = Literal["vggsound", "audioset", "kinetics-sounds", "ave", "esc50", "dcase", "flickr-soundnet"]


@dataclass(frozen=True)
class ListReader:
    """How the lists of one dataset are read.

    Attributes:
        title: the name of the dataset as published.
        read: gives the clips of a list, or of the dataset's folder; refuses others with file and row.
        recognizes: whether a file is a list of classes of this dataset, by its first line; None where its lists have
            no classes.
        spellings: gives the names without suffix that the file of a clip may have, the usual one first.
    """

    title: str
    read: Callable[[Path], list[LabelledClip]]
    recognizes: Callable[[Path], bool] | None
    spellings: Callable[[LabelledClip], tuple[str, ...]] = usual_spelling


READERS: dict[str, ListReader] = {
    "vggsound": ListReader("VGGSound", read_vggsound, names_vggsound, youtube_spellings),
    "audioset": ListReader("AudioSet", read_audioset, names_audioset, youtube_spellings),
    "kinetics-sounds": ListReader("Kinetics-Sounds", read_kinetics_sounds, names_kinetics, youtube_spellings),
    "ave": ListReader("AVE", read_ave, names_ave),
    "esc50": ListReader("ESC-50", read_esc50, names_esc50),
    "dcase": ListReader("DCASE", read_dcase, names_dcase),
    "flickr-soundnet": ListReader("Flickr-SoundNet", read_flickr_soundnet_list, None),
}


def reader_of(path: Path) -> ListReader | None:
    """The reader that recognizes a file; None where none does.

    Raises:
        DataError: the file cannot be read.
    """
    return next((reader for reader in READERS.values() if reader.recognizes and reader.recognizes(path)), None)
