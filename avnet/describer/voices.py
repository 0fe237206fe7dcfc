"""Opening a describer with the voice that a user wants."""

from pathlib import Path

from avnet.describer.model import SpokenDescriber, Synthesizer
from avnet.errors import DataError, MediaError
from avnet.media.audio import read_waveform
from avnet.media.suffixes import SOUNDS
from avnet.speech.acoustics import WEIGHTS as ACOUSTICS
from avnet.speech.acoustics import read_acoustics
from avnet.speech.griffin_lim import GriffinLim
from avnet.speech.grounded import GroundedUnits
from avnet.speech.mfcc import RATE
from avnet.speech.recordings import Recordings
from avnet.speech.selection import Voice
from avnet.speech.strings import Strings
from avnet.speech.units import Units
from avnet.speech.vocoder import UnitVocoder
from avnet.speech.vocoder_folder import WEIGHTS as VOCODER
from avnet.speech.vocoder_folder import read_vocoder
from avnet.speech.voice_folder import FACTS, read_voice, voice_of

BATCH = 16


def open_describer(folder: Path, voice: Path | None = None) -> SpokenDescriber:
    """A describer, speaking with the voice that it has or with another.

    Raises:
        ModelFolderError, DataError: as in `open_voice`, or a part of the describer cannot be opened.
    """
    describer = SpokenDescriber.load(folder)
    if voice is not None:
        describer.voice = open_voice(voice, describer.units)
    return describer


def open_voice(folder: Path, units: Units | GroundedUnits) -> Synthesizer:
    """What says units.

    Args:
        folder: of recordings, of a voice in these units, of a vocoder for them, or of their acoustics.
        units: that are to be said.

    Raises:
        ModelFolderError: a part cannot be opened.
        DataError: the voice has no recording that can be read, or is of other units.
    """
    if (folder / VOCODER).is_file():
        return _fitting(folder, read_vocoder(folder), units)
    if (folder / ACOUSTICS).is_file():
        return _fitting(folder, GriffinLim(read_acoustics(folder)), units)
    if (folder / FACTS).is_file():
        return read_voice(folder, units)
    return read_folder(folder, units)


def _fitting(folder: Path, synthesizer: UnitVocoder | GriffinLim, units: Units | GroundedUnits):
    if synthesizer.count != units.count:
        raise DataError(folder, f"says {synthesizer.count} units, wanted are {units.count}")
    return synthesizer


def read_folder(folder: Path, units: Units | GroundedUnits) -> Voice:
    """The sounds below a folder as a voice; what cannot be read is named and left out.

    Raises:
        DataError: nothing can be read, or nothing is said.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    waveforms = []
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in SOUNDS):
        try:
            waveforms.append(read_waveform(file, RATE).samples)
        except MediaError as error:
            print(f"left out: {error}")
    if not waveforms:
        raise DataError(folder, "holds no recording that can be read")
    strings = []
    for start in range(0, len(waveforms), BATCH):
        strings += units.encode_all(waveforms[start : start + BATCH])
    return voice_of(Recordings.of(waveforms), Strings.of(strings), units)
