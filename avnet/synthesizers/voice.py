"""Opening what says units: recordings, a network, or a table of spectra."""

from pathlib import Path

from avnet.apps.sounds import read_sounds
from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.recordings import ENDS as RECORDINGS
from avnet.audio.recordings import Recordings, open_recordings
from avnet.errors import DataError
from avnet.media.suffixes import SOUNDS
from avnet.program.progress import progress
from avnet.synthesizers.acoustics import WEIGHTS as ACOUSTICS
from avnet.synthesizers.acoustics import read_acoustics
from avnet.synthesizers.griffin_lim import GriffinLim
from avnet.synthesizers.selection import Voice
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.vocos import Vocos
from avnet.synthesizers.vocos_folder import WEIGHTS as VOCODER
from avnet.synthesizers.vocos_folder import read_vocoder
from avnet.synthesizers.voice_folder import FACTS, read_voice, voice_of
from avnet.units.strings import Strings
from avnet.units.units import Units

BATCH = 16


def open_voice(folder: Path, units: Units) -> Synthesizer:
    """What says units.

    Args:
        folder: of recordings, of a spoken corpus, of a voice in these units, of a vocoder for them, or of their
            acoustics.
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


def _fitting(folder: Path, synthesizer: Vocos | GriffinLim, units: Units):
    if synthesizer.count != units.count:
        raise DataError(folder, f"says {synthesizer.count} units, wanted are {units.count}")
    return synthesizer


def read_folder(folder: Path, units: Units) -> Voice:
    """A voice from a spoken corpus, or from the sounds below a folder; what cannot be read is named and left out.

    Raises:
        DataError: nothing can be read, or nothing is said.
        ModelFolderError: the corpus is damaged.
    """
    packed = (folder / RECORDINGS).is_file()
    recordings = open_recordings(folder) if packed else Recordings.of(read_sounds(folder, SOUNDS, SPEECH_RATE))
    if not len(recordings):
        raise DataError(folder, "holds no recording that can be read")
    strings, starts = [], range(0, len(recordings), BATCH)
    for start in progress(starts, "listening", len(starts), "batches"):
        numbers = range(start, min(start + BATCH, len(recordings)))
        strings += units.encode_all([recordings[number] for number in numbers])
    return voice_of(recordings, Strings.of(strings), units)
