"""The text pipeline, for comparison: the same describer over words in place of units, spoken by flite.

`python -m eval words` writes the texts of a corpus as numbers of words; `python -m train describer --units` takes them
as it takes units, and never sees a text.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from avnet.describer.describer import Describer, check_fit
from avnet.describer.folder import SPACE, UNITS, read_describer
from avnet.errors import DataError
from avnet.files.json_file import read_json
from avnet.files.whole import refuse_other, whole_folder
from avnet.speech_space.space import SpeechSpace
from avnet.synthesizers.flite.speakers import WordSpeaker
from avnet.synthesizers.synthesizer import Synthesizer
from avnet.units.strings import Strings, UnitString
from avnet.units.words import words as words_in
from data.spoken.corpus import SpokenCorpus, open_corpus
from data.spoken.readers.texts import read_texts
from data.spoken.strings import FACTS, STRINGS, write_strings
from eval.spoken.config import WordsConfig

WORDS = "words.json"
# The first of all words stands for those that are too rare to be learned; it is not spoken.
RARE = ""


def words(config: WordsConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: the texts cannot be read or have too few words, or the folder holds something else.
    """
    data, out, least = config.data, config.out, config.least
    corpus = open_corpus(data)
    refuse_other(out, _foreign, DataError)
    sentences = [
        words_in(text) for text in texts_of(corpus, config.texts, config.language, config.images, config.recordings)
    ]
    # Held-out texts must not decide which words there are.
    counts = Counter(word for number in corpus.recordings_in("train") for word in sentences[number])
    vocabulary = [RARE, *sorted(word for word, count in counts.items() if count >= least)]
    if len(vocabulary) < 3:
        raise DataError(config.texts, f"has no words that occur {least} times in the training recordings of {data}")
    number_of = {word: number for number, word in enumerate(vocabulary)}
    strings = Strings.of(_unit_string([number_of.get(word, 0) for word in row]) for row in sentences)
    with whole_folder(out, _foreign, DataError) as temporary:
        write_strings(temporary, corpus, strings, len(vocabulary))
        (temporary / WORDS).write_text(json.dumps(vocabulary) + "\n")
    share = 1 - float((strings.units == 0).mean())
    print(f"{len(vocabulary) - 1} words, {share:.1%} of what is said; {strings.lengths.mean():.1f} a recording: {out}")


def _foreign(folder: Path) -> str | None:
    """Why a folder that is not empty is not to be replaced by strings of words; None where it holds such."""
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in (FACTS, STRINGS, WORDS))
    return f"it holds {others[0]}, which avnet did not write" if others else None


def _unit_string(row: list[int]) -> UnitString:
    """As a string of units that each last one frame."""
    return UnitString(np.array(row, np.int64), np.arange(len(row)), len(row))


def texts_of(
    corpus: SpokenCorpus,
    source: Path,
    language: str = "en",
    images: Path | None = None,
    recordings: Path | None = None,
) -> list[str]:
    """The text of each recording of a corpus; empty where there is none.

    Raises:
        DataError: the source cannot be read, or has no text of the corpus' recordings.
    """
    by_file = read_texts(source, language=language, images=images, recordings=recordings)
    by_path = {path.absolute(): text for path, text in by_file.items()}
    texts = [by_path.get(Path(file).absolute(), "") for file in corpus.files]
    if not any(texts):
        raise DataError(
            source, f"has no text of the recordings of {corpus.folder}, the first of which is {corpus.files[0]}"
        )
    return texts


def open_text_pipeline(folder: Path, describer: Describer) -> Describer:
    """A describer that was trained on words, with flite as its voice.

    Args:
        folder: its model.
        describer: of units, from the same corpus.

    Raises:
        ModelFolderError, DataError: a part is missing, damaged or is not of words.
    """
    return open_named(folder, describer, WORDS, "words", WordSpeaker)


def open_named(
    folder: Path, describer: Describer, file: str, title: str, speaker: Callable[[list[str]], Synthesizer]
) -> Describer:
    """A describer that was trained on strings of things with names, with a voice that says these.

    Args:
        folder: its model.
        describer: of units, from the same corpus.
        file: beside the strings, which lists the names.
        title: of the things, for refusals.
        speaker: names to a voice.

    Raises:
        ModelFolderError, DataError: a part is missing, damaged or is not of such things.
    """
    parts, space = read_describer(folder), SpeechSpace.load(folder / SPACE)
    check_fit(folder, parts, space)
    try:
        names = read_json(folder / UNITS / file)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("it is not a list of names")
    except (OSError, ValueError) as error:
        raise DataError(folder / UNITS / file, f"holds no {title} ({error})") from None
    # A list of others would fail in the middle of a description.
    if max(int(run.max()) for run in parts.pieces.runs) >= len(names):
        raise DataError(folder / UNITS / file, f"has fewer {title} than the describer says")
    return Describer(parts, space, describer.units, speaker(names))
