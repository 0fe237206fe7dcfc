"""torchaudio as a judge: it is imported from here and nowhere else.

Its wheels link CUDA, so beside a CPU build of PyTorch its compiled extension does not load. The parts that judge ours
(spectrograms, cepstra, resampling, Griffin-Lim) are plain PyTorch; a stand-in for the extension lets them be imported.
"""

import sys
import warnings
from types import ModuleType

from extras import need

need("torch")
NAME = "torchaudio._extension"


def _refuse(function):
    """Stands for a function that the extension computes."""

    def refuse(*_, **__):
        raise RuntimeError(f"torchaudio.{function.__name__} is computed by the extension, which is not loaded")

    return refuse


_extension = ModuleType(NAME)
vars(_extension).update(
    _IS_TORCHAUDIO_EXT_AVAILABLE=False,
    _IS_ALIGN_AVAILABLE=False,
    fail_if_no_align=_refuse,
    _check_cuda_version=lambda: None,
)
sys.modules.setdefault(NAME, _extension)
with warnings.catch_warnings():
    # It announces at every import which of its functions will go.
    warnings.simplefilter("ignore")
    torchaudio = need("torchaudio")
functional, transforms = torchaudio.functional, torchaudio.transforms
