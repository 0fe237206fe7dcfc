"""A voice of a Tacotron 2: units to spectra by attention, which is checked, and spectra to samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.pcm import SPEECH_RATE
from avnet.events import Listener, Notice, nobody
from avnet.files.artifact import Draft, Header
from avnet.files.kinds import TACOTRON2
from avnet.synthesizers.mel.acoustics import HOP
from avnet.synthesizers.mel.griffin_lim import MelGriffinLim
from avnet.synthesizers.mel.vocoder import MelVocoder
from avnet.synthesizers.network_folder import network_of, put_network
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.synthesizers.tacotron2.alignment import failure_of, measure_alignment
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.guards import Guards
from avnet.synthesizers.tacotron2.network import Tacotron2
from avnet.synthesizers.tacotron2.spectrum_network import Utterance
from avnet.synthesizers.units_folder import UnitsFolder

# Where attention failed: it stays at a unit or goes on to the next one, and at none for more than a fifth of a second.
STRICT = Guards(window=(0, 1), frames_per_token=20)


class TacotronVoice(WholeStrings, UnitsFolder):
    """Says unit strings by a Tacotron 2, and by what makes samples of mel spectra.

    Where attention fails, as `failure_of` says, the string is said again with `STRICT` bounds of attention, under
    which it cannot skip, go back or go on for ever.

    Args:
        network: is put into evaluation mode.
        on_event: is told where attention failed, and how.
        vocoder: what makes samples of mel spectra; None is Griffin-Lim.
    """

    KIND = TACOTRON2

    def __init__(self, network: Tacotron2, on_event: Listener = nobody, vocoder: MelVocoder | None = None):
        network.eval()
        self.network, self.vocoder, self._on_event = network, vocoder or MelGriffinLim(), on_event

    @classmethod
    def load(
        cls,
        path: str | Path,
        units: str | None = None,
        on_event: Listener = nobody,
        vocoder: MelVocoder | None = None,
    ) -> "TacotronVoice":
        """Opens a folder that `save` wrote.

        Args:
            path: the folder.
            units: fingerprint of the units that shall be said; None takes any.
            on_event: is told where attention failed, and how.
            vocoder: what makes samples of mel spectra; None is Griffin-Lim.

        Raises:
            ModelFolderError: it is not a Tacotron 2, of an earlier or newer avnet, damaged, or of other units.
        """
        return cls(super().load(path, units).network, on_event, vocoder)

    @classmethod
    def of_header(cls, header: Header) -> "TacotronVoice":
        """See `UnitsFolder.of_header`."""
        return cls(network_of(header, Tacotron2Config, lambda config, rngs: Tacotron2(config, rngs=rngs)))

    def fill(self, draft: Draft) -> None:
        """See `UnitsFolder.fill`."""
        put_network(draft, self.network.config, self.network)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a Tacotron 2."""
        with header.parsing():
            config = Tacotron2Config.from_dict(header.config)
        hop = 1000 * HOP // SPEECH_RATE
        return {
            "tokens": f"{config.tokens:,}",
            "speakers": str(max(1, config.speakers)),
            "frames a step": f"{config.frames_per_step}, of {hop} ms",
        }

    def utterances(self, strings: Sequence[Int[np.ndarray, " n"]]) -> list[Utterance]:
        """What is said of strings, each again within `STRICT` bounds where attention failed.

        Args:
            strings: units from 0 to below `network.config.tokens`, one or more in each.
        """
        said = self.network.infer(strings)
        failures = [failure_of(measure_alignment(one.alignment), one.ending) for one in said]
        failed = [number for number, failure in enumerate(failures) if failure]
        for number, again in zip(failed, self.network.infer([strings[n] for n in failed], STRICT), strict=True):
            if failure := failures[number]:
                self._on_event(Notice(f"attention failed ({failure.kind}): {failure.reason}; said within bounds"))
            said[number] = again
        return said

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Says a unit string; how long units last is the network's own choice.

        Args:
            units: those that do not exist are passed over.

        Returns:
            Mono in [-1, 1] at 16 kHz, 160 samples for each frame; empty where it can say none. The same units give the
            same samples.
        """
        known = np.asarray(units, np.int64)[(units >= 0) & (units < self.network.config.tokens)]
        if not len(known):
            return np.zeros(0, np.float32)
        (said,) = self.utterances([known])
        waveform = self.vocoder.waveform(said.log_mel)
        # Only what would clip is made quieter.
        return waveform / max(1.0, float(np.abs(waveform).max()))
