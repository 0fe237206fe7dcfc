"""How natural speech sounds, judged by a network that learned listeners' opinions: DNSMOS."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.program.progress import progress
from eval.spoken.recognition import check_and_clip, missing, package_folder

WINDOW = round(9.01 * SPEECH_RATE)
INSTALL = "speechmos onnxruntime"
# From the network's scale to that of the listeners.
OVERALL = np.poly1d([-0.06766283, 1.11546468, 0.04602535])


def dnsmos(waveforms: Sequence[np.ndarray], threads: int = 2) -> list[float]:
    """Overall quality of each recording as P.835 listeners would give it (DNSMOS OVRL), from 1 to about 5.

    A recording is repeated until it fills 9.01 s; of a longer one the windows, a second apart, are averaged. NaN where
    there is no sample.

    Args:
        waveforms: float32 [samples] each, mono in [-1, 1] at 16 kHz.
        threads: of the network.

    Raises:
        ConfigError: a package is not installed.
        DataError: a recording has values that are not finite.

    Reference: Reddy et al., "DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to evaluate noise
    suppressors", 2022.
    """
    network = _network(threads)
    return [
        _overall(network, check_and_clip(one)) for one in progress(waveforms, "judging", len(waveforms), "recordings")
    ]


def _network(threads: int) -> Any:
    model = package_folder("speechmos", "DNSMOS", INSTALL) / "dnsmos_models" / "sig_bak_ovr.onnx"
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise missing("DNSMOS", INSTALL) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _overall(network: Any, waveform: np.ndarray) -> float:
    if not len(waveform):
        return float("nan")
    # Doubled, as in public code: what goes beyond the first window fills further ones, which count too.
    while len(waveform) < WINDOW:
        waveform = np.concatenate([waveform, waveform])
    # As many as whole seconds are left after the first window, as in public code.
    starts = range(0, max(1, len(waveform) // SPEECH_RATE - 9) * SPEECH_RATE, SPEECH_RATE)
    raw = [network.run(None, {"input_1": waveform[None, start : start + WINDOW]})[0][0][2] for start in starts]
    return float(np.mean(OVERALL(np.array(raw, np.float64))))
