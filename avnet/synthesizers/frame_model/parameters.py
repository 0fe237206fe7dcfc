"""What frames hold."""

from typing import Literal, get_args

# Bands of the log-mel spectrogram every 10 ms; or, every 5 ms, log F0, voicing, 25 mel-cepstra and the strengths of 5
# bands.
Parameters = Literal["mel", "source-filter"]
PARAMETERS: tuple[Parameters, ...] = get_args(Parameters)
