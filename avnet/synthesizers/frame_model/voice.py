"""A voice of a frame model: units to frames by the network, and frames to samples by signal processing."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.errors import ConfigError, DataError
from avnet.files.artifact import Draft, Header
from avnet.files.kinds import FRAME_MODEL
from avnet.synthesizers.frame_model.config import FrameModelConfig
from avnet.synthesizers.frame_model.network import FrameModel
from avnet.synthesizers.mel.griffin_lim import MelGriffinLim
from avnet.synthesizers.mel.vocoder import MelVocoder
from avnet.synthesizers.network_folder import network_of, put_network
from avnet.synthesizers.source_filter.columns import parameters_of
from avnet.synthesizers.source_filter.synthesis import synthesize
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.synthesizers.units_folder import UnitsFolder

# Units are padded to these lengths, doubled until they fit, so that few sizes are compiled; frames to as many a unit.
FEWEST_UNITS, FRAMES_A_UNIT = 32, 8
# Frames of 10 ms that one unit may last, whatever is predicted: 2 s.
LONGEST = 200


class FrameVoice(WholeStrings, UnitsFolder):
    """Says unit strings by a network that predicts frames, and by what makes samples of them.

    Args:
        network: is put into evaluation mode.
        vocoder: what makes samples of frames that are mel spectra; None is Griffin-Lim.

    Raises:
        ConfigError: there is a vocoder, and frames are no mel spectra.
    """

    KIND = FRAME_MODEL

    def __init__(self, network: FrameModel, vocoder: MelVocoder | None = None):
        if vocoder is not None and network.config.parameters != "mel":
            raise ConfigError("vocoder", "is for frames that are mel spectra; these are pitch and filters")
        network.eval()
        self.network, self.vocoder = network, vocoder or MelGriffinLim()

    @classmethod
    def load(cls, path: str | Path, units: str | None = None, vocoder: MelVocoder | None = None) -> "FrameVoice":
        """Opens a folder that `save` wrote.

        Args:
            path: the folder.
            units: fingerprint of the units that shall be said; None takes any.
            vocoder: what makes samples of frames that are mel spectra; None is Griffin-Lim.

        Raises:
            ModelFolderError: it is not a frame model, of an earlier or newer avnet, damaged, or of other units.
            ConfigError: there is a vocoder, and frames are no mel spectra.
        """
        return cls(super().load(path, units).network, vocoder)

    @classmethod
    def of_header(cls, header: Header) -> "FrameVoice":
        """See `UnitsFolder.of_header`."""
        return cls(network_of(header, FrameModelConfig, lambda sizes, rngs: FrameModel(sizes, rngs=rngs)))

    def fill(self, draft: Draft) -> None:
        """See `UnitsFolder.fill`."""
        put_network(draft, self.network.config, self.network)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a frame model."""
        with header.parsing():
            config = FrameModelConfig.from_dict(header.config)
        return {"units": f"{config.units:,}", "frames": config.parameters, "width": str(config.width)}

    def durations(self, units: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Predicted whole frames of 10 ms of each unit of a string, 1 to 200; roundings do not add up.

        Args:
            units: from 0 to below `network.config.units`.
        """
        padded = _pad(units)
        log_frames = np.asarray(_log_durations(self.network, padded, jnp.arange(padded.shape[1])[None] < len(units)))
        frames = np.exp(np.clip(log_frames[0, : len(units)], 0.0, np.log(LONGEST)))
        ends = np.rint(np.cumsum(frames)).astype(np.int64)
        return np.maximum(np.diff(ends, prepend=0), 1)

    def frames(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " same"]
    ) -> Float[np.ndarray, "frames columns"]:
        """What the frames of a string hold, in their own scale.

        Args:
            units: from 0 to below `network.config.units`.
            durations: of each, frames of 10 ms, at least 1.

        Raises:
            DataError: there are not as many durations as units, or one is less than 1.
        """
        if len(durations) != len(units) or durations.min(initial=1) < 1:
            raise DataError("durations", f"must be {len(units)} whole numbers of at least 1, one for each unit")
        count, rate = int(durations.sum()), self.network.config.rate
        padded = _pad(units)
        most = padded.shape[1] * FRAMES_A_UNIT
        while most < count:
            most *= 2
        columns = _frames(self.network, padded, _pad(durations), most * rate)
        return np.asarray(columns)[0, : count * rate]

    def speak(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: no two neighbours equal; those that do not exist are passed over.
            durations: frames of 10 ms of each, or None for predicted ones.

        Returns:
            Mono in [-1, 1] at 16 kHz, 160 samples for each frame; empty where it can say none. The same units give the
            same samples.
        """
        exists = (units >= 0) & (units < self.network.config.units)
        known = np.asarray(units, np.int64)[exists]
        if not len(known):
            return np.zeros(0, np.float32)
        frames = self.durations(known) if durations is None else np.asarray(durations)[exists]
        columns = self.frames(known, frames)
        if self.network.config.parameters == "mel":
            waveform = self.vocoder.waveform(columns)
        else:
            waveform = synthesize(parameters_of(columns))
        # Only what would clip is made quieter.
        return waveform / max(1.0, float(np.abs(waveform).max()))


def _pad(values: np.ndarray) -> Int[Array, "1 n"]:
    """A batch of one string of a length that is compiled, zeros after its end."""
    length = FEWEST_UNITS
    while length < len(values):
        length *= 2
    return jnp.asarray(np.pad(values, (0, length - len(values)))[None].astype(np.int32))


@nnx.jit
def _log_durations(network: FrameModel, units: Array, mask: Array) -> Array:
    return network.log_durations(units, mask)


@nnx.jit(static_argnums=3)
def _frames(network: FrameModel, units: Array, durations: Array, frames: int) -> Array:
    return network.standard.restore(network(units, durations, frames))
