"""AudioSet's 527 classes, and the 521 of them that YAMNet scores, in the same order.

Ids are those of the ontology. The table is YAMNet's class map (Google, Apache-2.0) as it is.

Reference: Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", 2017.
"""

from avnet.names.vocabulary import Vocabulary

AUDIOSET = Vocabulary.read("audioset.csv")
CLASSES, IDS = AUDIOSET.classes, AUDIOSET.ids
# What YAMNet leaves out, since it is hard to tell from another: its place, name and id, and that other class.
LEFT_OUT = (
    (1, "Male speech, man speaking", "/m/05zppz", "Speech"),
    (2, "Female speech, woman speaking", "/m/02zsn", "Speech"),
    (12, "Battle cry", "/m/04gy_2", "Shout"),
    (32, "Male singing", "/t/dd00003", "Singing"),
    (33, "Female singing", "/t/dd00004", "Singing"),
    (277, "Funny music", "/t/dd00032", "Music"),
)


def vocabulary(count: int) -> Vocabulary:
    """The classes of a classifier by their number: 527, or YAMNet's 521."""
    return {len(CLASSES): AUDIOSET, len(WHOLE.classes): WHOLE}[count]


def _with_those_left_out() -> Vocabulary:
    classes, ids = list(CLASSES), list(IDS)
    for place, name, identifier, _ in LEFT_OUT:
        classes.insert(place, name)
        ids.insert(place, identifier)
    return Vocabulary(tuple(classes), tuple(ids))


WHOLE = _with_those_left_out()
