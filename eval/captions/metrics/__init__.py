"""How close descriptions come to what people wrote: metrics of words, as the field prints them.

Conventions: both sides pass through `avnet.units.words.words`; a share is in [0, 1], CIDEr-D in [0, 10], all higher is
better except error rates and faults. `references[i]` are the sentences that any of which `hypotheses[i]` may say.
"""
