"""AudioSet's 521 classes that YAMNet scores, in its order.

Ids are those of the ontology. The table is YAMNet's class map (Google, Apache-2.0) as it is.

Reference: Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", 2017.
"""

from avnet.names.vocabulary import Vocabulary

AUDIOSET = Vocabulary.read("audioset.csv")
CLASSES, IDS = AUDIOSET.classes, AUDIOSET.ids
