"""`python -m eval phones`: the phones of a corpus that flite spoke, with their times, by flite itself.

They need the texts that this project does without, and are here to measure units by.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.describer.describer import Describer
from avnet.describer.folder import UNITS
from avnet.errors import DataError
from avnet.files.json_file import read_json
from avnet.files.whole import refuse_other, whole_folder
from avnet.program.progress import progress
from avnet.synthesizers.flite.program import Flite, FliteError
from avnet.synthesizers.flite.speakers import PhoneSpeaker
from avnet.synthesizers.mel.acoustics import HOP, lateness
from avnet.units.strings import Strings, UnitString
from data.runners.threads import in_order
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.strings import FACTS, STRINGS, encode_corpus, write_strings
from eval.captions import unit_error_rate
from eval.metrics.phonetic import Triphone
from eval.spoken.config import PhonesConfig
from eval.spoken.descriptions import Task
from eval.spoken.words import open_named, texts_of

PHONES = "phones.json"
# The pause of flite's voices.
PAUSE = "pau"
# How far the last phone may end from the end of a recording that flite made of the same text, seconds.
TOLERANCE_S = 0.05
NOTHING = UnitString(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)

Timed = list[tuple[str, float]]


def phones(config: PhonesConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: flite is not installed, the texts cannot be read, no recording is flite's of its text, or the folder
            holds something else.
    """
    flite, corpus, out = Flite.find(config.timeout_s), open_corpus(config.data), config.out
    refuse_other(out, _foreign, DataError)
    texts = texts_of(corpus, config.texts)
    wanted = [
        number
        for number, speaker in enumerate(corpus.speakers)
        if speaker in flite.voices and texts[number] and corpus.splits[corpus.image_of[number]] in config.splits
    ]

    def said(number: int) -> Timed:
        try:
            timed = flite.phones(texts[number], corpus.speakers[number])
        except FliteError:
            return []
        seconds = corpus.recordings.lengths[number] / SPEECH_RATE
        return timed if abs(timed[-1][1] - seconds) <= TOLERANCE_S else []

    rows: list[Timed] = [[] for _ in texts]
    results = in_order(said, wanted, config.workers)
    for number, timed in zip(wanted, progress(results, "phones", len(wanted), "recordings"), strict=True):
        rows[number] = timed
    names = [PAUSE, *sorted({name for timed in rows for name, _ in timed} - {PAUSE})]
    found = sum(map(bool, rows))
    if not found:
        voices = ", ".join(flite.voices)
        raise DataError(config.data, f"has no recording that flite ({voices}) made of its text, as `data speak` does")
    number_of = {name: number for number, name in enumerate(names)}
    strings = Strings.of(string_of([(number_of[name], end) for name, end in timed]) for timed in rows)
    with whole_folder(out, _foreign, DataError) as temporary:
        write_strings(temporary, corpus, strings, len(names))
        (temporary / PHONES).write_text(json.dumps(names) + "\n")
    print(f"{len(names)} phones; of {len(wanted)} recordings {found} are flite's of their texts: {out}")


def string_of(timed: Sequence[tuple[int, float]]) -> UnitString:
    """Phones with their ends as a string of units; those of no whole frame are dropped, equal neighbors are one.

    Args:
        timed: number of each phone, and where it ends in seconds.
    """
    if not timed:
        return NOTHING
    late = lateness()
    # The first frame whose middle lies behind the end of the one before.
    ends = [max(0, round((end * SPEECH_RATE - late) / HOP)) for _, end in timed]
    labels = np.repeat([number for number, _ in timed], np.diff([0, *ends]))
    first = np.flatnonzero(np.diff(labels, prepend=-1))
    return UnitString(labels[first].astype(np.int64), first, len(labels))


def open_phones(folder: Path, corpus: SpokenCorpus) -> tuple[list[str], Strings]:
    """The names of phones, and the strings of a corpus.

    Raises:
        DataError: the folder is not of `python -m eval phones`, damaged, or of another corpus.
    """
    try:
        names = read_json(folder / PHONES)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("it is not a list of names")
    except (OSError, ValueError) as error:
        raise DataError(folder / PHONES, f"holds no phones ({error})") from None
    strings = encode_corpus(corpus, folder)
    if strings.count != len(names):
        raise DataError(folder, f"has {strings.count} phones and {len(names)} names")
    return names, strings.strings


def open_phone_pipeline(folder: Path, describer: Describer) -> Describer:
    """A describer that was trained on phones, with flite as its voice: Image2Speech of 2017.

    Args:
        folder: its model.
        describer: of units, from the same corpus.

    Raises:
        ModelFolderError, DataError: a part is missing, damaged or is not of phones.
    """
    return open_named(folder, describer, PHONES, "phones", PhoneSpeaker)


def phone_error_rate(described: Sequence[np.ndarray], model: Path, task: Task) -> float:
    """Edits that turn described phones into those of each image's first recording, over the number of these.

    Most of what a picture shows can be said otherwise, so that people come to more than a half too.

    Args:
        described: phones of each image.
        model: of the describer, which holds the phones of its corpus.
        task: the images.

    Raises:
        DataError: it holds none of this corpus, or none of these images.

    Reference: Hasegawa-Johnson et al., 2017, section 4: 78.8 %.
    """
    _, strings = open_phones(model / UNITS, task.corpus)
    true = [strings[number].units.tolist() for number in task.first]
    if not any(true):
        raise DataError(model, "has no phones of the images that are measured; write those of their split too")
    return unit_error_rate(true, [units.tolist() for units in described])


def triphones_of(strings: Sequence[UnitString], pause: int) -> list[Triphone]:
    """All phones between two others, none of them a pause.

    Args:
        strings: phones of each recording.
        pause: its number.
    """
    found = []
    for recording, string in enumerate(strings):
        starts = [*string.starts.tolist(), string.frames]
        for place in range(1, len(string.units) - 1):
            before, phone, after = string.units[place - 1 : place + 2].tolist()
            if pause not in (before, phone, after):
                found.append(Triphone(phone, (before, after), recording, starts[place - 1], starts[place + 2]))
    return found


def _foreign(folder: Path) -> str | None:
    """Why a folder that is not empty is not to be replaced by strings of phones; None where it holds such."""
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in (FACTS, STRINGS, PHONES))
    return f"it holds {others[0]}, which avnet did not write" if others else None
