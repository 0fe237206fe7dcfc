"""Opening what says units: recordings, networks, or a table of spectra."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.audio.recordings import ENDS as RECORDINGS
from avnet.audio.recordings import Recordings, open_recordings
from avnet.errors import DataError
from avnet.events import Listener, nobody, steps
from avnet.files.artifact import HEADER, earlier, read_header
from avnet.files.kinds import ACOUSTICS, CLUSTER_GEN, FRAME_MODEL, TACOTRON2, VOCODER, VOICE, Kind
from avnet.media.audio import read_sounds
from avnet.media.suffixes import SOUNDS
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.frame_model.voice import FrameVoice
from avnet.synthesizers.mel.acoustics import UnitAcoustics
from avnet.synthesizers.mel.griffin_lim import GriffinLim
from avnet.synthesizers.selection.voice import Voice
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.synthesizers.tacotron2.voice import TacotronVoice
from avnet.synthesizers.vocos import Vocos
from avnet.units.strings import Strings
from avnet.units.units import Units

BATCH = 16
# Seconds of a recording that are listened to at once, which takes memory for each frame and unit; longer ones are cut.
# And the sample that silence stays below, -60 dB.
STRETCH_S, QUIET = 30, 1e-3

# What opens each kind of folder that says units, for units of a fingerprint.
_OPENERS: dict[Kind, Callable[[Path, str, Listener], Synthesizer]] = {
    VOICE: lambda folder, units, _: Voice.load(folder, units),
    VOCODER: lambda folder, units, _: Vocos.load(folder, units),
    FRAME_MODEL: lambda folder, units, _: FrameVoice.load(folder, units),
    CLUSTER_GEN: lambda folder, units, _: ClusterVoice.load(folder, units),
    TACOTRON2: TacotronVoice.load,
    ACOUSTICS: lambda folder, units, _: GriffinLim(UnitAcoustics.load(folder, units)),
}
# Of folders that say units.
VOICES = tuple(_OPENERS)


def open_voice(folder: Path, units: Units, on_event: Listener = nobody) -> Synthesizer:
    """What says units.

    Args:
        folder: of recordings, of a spoken corpus, of a voice in these units, of a vocoder, a frame model, trees or a
            Tacotron 2 for them, or of their acoustics.
        units: that are to be said.
        on_event: is told of progress, of recordings that are left out, and of what a voice fails at.

    Raises:
        ModelFolderError: it cannot be opened, or was made with other units.
        DataError: there is no recording that can be read.
    """
    # A folder of an earlier avnet is refused below, with the reason, and not taken for one of recordings.
    if not (folder / HEADER).exists() and earlier(folder) is None:
        return read_folder(folder, units, on_event)
    header = read_header(folder, *VOICES)
    return _OPENERS[header.kind](folder, units.fingerprint, on_event)


def read_folder(folder: Path, units: Units, on_event: Listener = nobody) -> Voice:
    """A voice from a spoken corpus, or from the sounds below a folder; what cannot be read is left out.

    Recordings of more than half a minute become several.

    Raises:
        DataError: nothing can be read, nothing but silence, or nothing is said.
        ModelFolderError: the corpus is damaged.
    """
    is_corpus = (folder / RECORDINGS).is_file()
    if is_corpus:
        recordings = open_recordings(folder)
    else:
        recordings = Recordings.of(read_sounds(folder, SOUNDS, SPEECH_RATE, on_event))
    if not len(recordings):
        raise DataError(folder, "holds no recording that can be read")
    recordings = recordings.in_stretches(STRETCH_S * SPEECH_RATE)
    strings, starts, loudest = [], range(0, len(recordings), BATCH), 0.0
    for start in steps(starts, "listening", len(starts), "batches", on_event):
        batch = [recordings[number] for number in range(start, min(start + BATCH, len(recordings)))]
        loudest = max(loudest, *(float(np.abs(waveform).max(initial=0.0)) for waveform in batch))
        strings += units.encode_all(batch)
    if loudest < QUIET:
        raise DataError(folder, f"holds nothing but silence: no sample is beyond {QUIET}")
    return Voice.of(recordings, Strings.of(strings), units, on_event)
