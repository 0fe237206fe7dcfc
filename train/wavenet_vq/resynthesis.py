"""Recordings said again from their codes."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx
from jaxtyping import Float

from avnet.audio.mu_law import from_mu_law
from avnet.audio.pcm import SPEECH_RATE
from avnet.synthesizers.mel.griffin_lim import waveform_of_mel
from avnet.units.wavenet_vq.config import DecoderKind
from avnet.units.wavenet_vq.frame_decoder import FrameDecoder
from avnet.units.wavenet_vq.generation import generate
from avnet.units.wavenet_vq.network import WaveNetVQ
from avnet.units.wavenet_vq.wavenet import WaveNet
from train.wavenet_vq.batches import Example, crops
from train.wavenet_vq.objective import beside_of

# Frames of 10 ms that are said at most: sample by sample a second takes seconds.
LONGEST = 200


def _by_frames(model: WaveNetVQ, batch: Any, frames: int) -> tuple[np.ndarray, int]:
    """Spectra, and what Griffin-Lim makes of them."""
    assert isinstance(model.decoder, FrameDecoder)
    said = model.decoder.standard.restore(_predicted(model, batch))
    return waveform_of_mel(np.asarray(said)[0, :frames]), SPEECH_RATE


def _by_samples(model: WaveNetVQ, batch: Any, frames: int) -> tuple[np.ndarray, int]:
    """Samples, each drawn from what the network holds it for."""
    assert isinstance(model.decoder, WaveNet)
    rate = model.decoder.config.sample_rate
    return from_mu_law(np.asarray(_drawn(model, batch))[0, : frames * rate // 100]), rate


_SAY: dict[DecoderKind, Callable[[WaveNetVQ, Any, int], tuple[np.ndarray, int]]] = {
    "frames": _by_frames,
    "wavenet": _by_samples,
}


def said_again(model: WaveNetVQ, example: Example) -> tuple[Float[np.ndarray, " samples"], int]:
    """Two seconds of a recording at most, through its codes, and their sample rate.

    Args:
        model: in evaluation mode.
        example: the recording; where the decoder of frames is told the pitch, it is that of the recording.
    """
    batch = crops([example], 0, 0, 1, LONGEST)
    waveform, rate = _SAY[model.config.decoder.kind](model, batch, int(batch["frames"][0]))
    # Only what would clip is made quieter.
    return waveform / max(1.0, float(np.abs(waveform).max())), rate


@nnx.jit
def _predicted(model: WaveNetVQ, batch: Any) -> jax.Array:
    codes, steps = model.coded(batch["cepstra"], batch["frames"])
    return model.decoder(codes, steps, beside_of(batch))


@nnx.jit
def _drawn(model: WaveNetVQ, batch: Any) -> jax.Array:
    assert isinstance(model.decoder, WaveNet)
    codes, steps = model.coded(batch["cepstra"], batch["frames"])
    speaker = None if model.decoder.speaker is None else batch["speaker"]
    return generate(model.decoder, codes, steps, speaker, jax.random.key(0))
