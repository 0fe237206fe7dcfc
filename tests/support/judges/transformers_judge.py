"""The package `transformers` as a judge: it is imported from here and nowhere else, with random weights alone."""

from extras import need

import judges.torchaudio_judge  # noqa: F401  (transformers imports torchaudio, which needs a stand-in)

transformers = need("transformers")
