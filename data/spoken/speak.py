"""`python -m data speak`: images with written captions become images with spoken ones, by Debian's flite.

What is learned from the result is learned from one to three artificial voices, which say the same word in almost the
same way each time; figures do not carry over to recordings of people.

Reference: Havard, Besacier and Rosec, "SPEECH-COCO: 600k Visually Grounded Spoken Captions Aligned to MSCOCO Data Set",
2017, who let eight voices read captions; they also change the speed and put hesitations in.
"""

import csv
import hashlib
import io
import os
import time
import wave
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from avnet.audio.pcm import EXACT, from_pcm
from avnet.errors import AvnetError, DataError
from avnet.files.names import plain_name
from avnet.files.whole import temporary_name, write_text
from avnet.program.progress import progress
from avnet.synthesizers.flite.program import Flite, FliteError
from data.left_out import LeftOut, report
from data.names import path_of
from data.runners.threads import in_order
from data.splits import NAMES
from data.spoken.config import MAX_S, SpeakConfig
from data.spoken.readers.csv_corpus import IMAGE
from data.spoken.readers.source import TABLE
from data.spoken.recordings import check_speech
from data.table import Line, place_of, read_table

HEADER = ("image", "recording", "speaker", "text", "split")
RECORDINGS = "recordings"
MAX_CHARACTERS = 1_000
# So many captions in a row do not all have something odd in them: flite is broken, or the disk is full.
MAX_FAILURES = 20
# What a killed run was writing; no caption takes longer.
LEFT_BEHIND_S = 3600.0


@dataclass(frozen=True)
class Utterance:
    """One caption and the recording it becomes.

    Attributes:
        place: of the caption, in words.
        image: file.
        recording: relative to the corpus.
        voice: of flite.
        text: as the captions have it.
        split: likewise; may be empty.
        reason: why it cannot be spoken; empty where it can.
    """

    place: str
    image: Path
    recording: str
    voice: str
    text: str
    split: str
    reason: str = ""


def speak(config: SpeakConfig) -> dict[str, float]:
    """Runs the whole command.

    Returns:
        What it prints: captions, recordings, made (now, not in an earlier run), hours.

    Raises:
        DataError: flite is not installed or fails on everything, the captions cannot be read, none can be spoken, or
            the folder holds another corpus.
        ConfigError: flite lacks a voice.
    """
    flite = Flite.find(config.timeout_s)
    flite.check_voices(config.voice)
    rows = plan(config)
    utterances = [utterance for utterance in rows if not utterance.reason]
    left_out = [LeftOut(item.place, item.text[:40], item.reason) for item in rows if item.reason]
    _make_room(config, utterances)
    successes, hours, new_count, failures = [], 0.0, 0, 0
    tasks = in_order(lambda utterance: _say(flite, config.out, utterance), utterances, config.workers)
    for utterance, (seconds, new, error) in zip(
        utterances, progress(tasks, "speaking", len(utterances), "captions"), strict=True
    ):
        failures = failures + 1 if isinstance(error, FliteError) else 0
        if failures >= MAX_FAILURES:
            raise DataError("flite", f"failed on {failures} captions in a row, the last time: {error}")
        if error:
            left_out.append(LeftOut(utterance.place, utterance.text[:40], error.reason))
        else:
            successes.append(utterance)
            hours, new_count = hours + seconds / 3600, new_count + new
    report(left_out)
    if not successes:
        raise DataError(config.captions, "has no caption that can be spoken")
    _write_table(config.out, successes)
    figures = {"captions": len(rows), "recordings": len(successes), "made": new_count, "hours": hours}
    for name, value in figures.items():
        print(f"{name:<28}{value:>10.{2 * (name == 'hours')}f}")
    print(f"corpus: {config.out}")
    return figures


def plan(config: SpeakConfig) -> list[Utterance]:
    """What will be said by whom, row by row; the same captions and voices give the same names.

    A recording is STEM_N_VOICE.wav for the Nth caption of images with that stem. The first voice of an image is
    drawn by the hash of its name, so that with several voices each says as many first captions as the others.

    Raises:
        DataError: the captions cannot be read.
    """
    names = {"image": IMAGE, "caption": ("caption", "text"), "split": ("split",)}
    folder = config.images if config.images is not None else config.captions.parent
    lines = read_table(config.captions, names, ("split",))
    if not lines:
        raise DataError(config.captions, "holds no captions")
    counts: Counter[str] = Counter()
    return [_utterance(config, folder, line, counts) for line in lines]


def _utterance(config: SpeakConfig, folder: Path, line: Line, counts: Counter[str]) -> Utterance:
    place, name, text = place_of(config.captions, line), line.cells.get("image", "").strip(), ""
    text, split = line.cells.get("caption", ""), line.cells.get("split", "").strip()
    image = path_of(folder.absolute(), name)
    stem = plain_name(image.stem)  # long names that begin alike are told apart by their numbers
    number = counts[stem]
    counts[stem] += 1
    first = int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12], 16)
    voice = config.voice[(first + number) % len(config.voice)]
    recording = f"{RECORDINGS}/{stem}_{number}_{voice}.wav"
    utterance = Utterance(place, image, recording, voice, text, split)
    return replace(utterance, reason=line.reason or _refusal(name, utterance))


def _refusal(name: str, utterance: Utterance) -> str:
    """Why a row cannot be spoken, or ''."""
    if not name or "\0" in name:
        return "names no image"
    if not utterance.text.strip():
        return "has no caption"
    if len(utterance.text) > MAX_CHARACTERS:
        return f"its caption has {len(utterance.text)} characters; {MAX_CHARACTERS} are the limit"
    if not _is_utf_8(utterance.text) or not _is_utf_8(name):
        return "is not UTF-8"
    if "\0" in utterance.text:
        return "its caption has a NUL byte in it"
    if utterance.split and utterance.split.lower() not in NAMES:
        return f"its split {utterance.split!r} is not one of {', '.join(NAMES)}"
    return "" if os.path.isfile(utterance.image) else f"its image {str(utterance.image)!r} is missing"


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _say(flite: Flite, out: Path, utterance: Utterance) -> tuple[float, bool, AvnetError | None]:
    """Seconds of the recording, whether it is new, and why there is none."""
    path = out / utterance.recording
    temporary = temporary_name(path)
    try:
        if path.exists():
            try:
                return _check_wav(path, path), False, None
            except FliteError:
                path.unlink()  # half of one, which an earlier version of somebody's script left
        flite.say(utterance.text, utterance.voice, temporary)
        seconds = _check_wav(temporary, path)
        # Not flushed to disk, which would take longer than the speaking: what a power cut halves is made again.
        temporary.replace(path)
        return seconds, True, None
    except AvnetError as error:
        return 0.0, False, error
    finally:
        temporary.unlink(missing_ok=True)


def _check_wav(path: Path, name: Path) -> float:
    """Seconds of a wav file that is whole and in which somebody speaks.

    Raises:
        FliteError: it is not whole.
        MediaError: nobody speaks in it.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, frames = file.getframerate(), file.getnframes()
            content = file.readframes(frames)
            form = (file.getnchannels(), file.getsampwidth())
    except (OSError, EOFError, wave.Error) as error:
        raise FliteError("flite", f"wrote no recording ({error})") from None
    if form != (1, 2) or rate < 8_000 or len(content) != 2 * frames or not frames:
        raise FliteError("flite", "wrote no whole recording")
    if frames > MAX_S * rate:
        raise AvnetError(name, f"takes longer than {MAX_S:g} s to say")
    try:
        check_speech(name, from_pcm(np.frombuffer(content, np.int16), EXACT), rate)
    except AvnetError as error:
        raise AvnetError(name, f"flite made no speech of it: the recording {error.reason}") from None
    return frames / rate


def _make_room(config: SpeakConfig, utterances: Sequence[Utterance]) -> None:
    """Makes the folder, and takes away the recordings of captions that have changed since an earlier run.

    The table is written before the recordings, as it says which caption each of them will have.

    Raises:
        DataError: another corpus lies there.
    """
    try:
        (config.out / RECORDINGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(config.out, f"cannot be a folder for a corpus ({error.strerror})") from None
    earlier = _earlier(config.out / TABLE)
    texts = {utterance.recording: utterance.text for utterance in utterances}
    if foreign := [recording for recording in earlier if recording not in texts]:
        raise DataError(
            config.out,
            f"holds {len(foreign)} recordings of other captions or voices, first {foreign[0]!r}; choose another",
        )
    for recording, text in earlier.items():
        if text != texts[recording]:
            (config.out / recording).unlink(missing_ok=True)
    for left_behind in (config.out / RECORDINGS).glob(".*.tmp"):
        if left_behind.stat().st_mtime < time.time() - LEFT_BEHIND_S:
            left_behind.unlink(missing_ok=True)
    _write_table(config.out, utterances)


def _earlier(table: Path) -> dict[str, str]:
    """The text of each recording that an earlier run planned."""
    if not table.exists():
        return {}
    lines = read_table(table, {name: (name,) for name in HEADER} | {"image": IMAGE})
    if any(line.reason for line in lines):
        raise DataError(table, "is damaged; delete it and run again")
    return {line.cells["recording"]: line.cells["text"] for line in lines}


def _write_table(out: Path, utterances: Sequence[Utterance]) -> None:
    rows, base = io.StringIO(), out.absolute()
    table = csv.writer(rows)
    table.writerow(HEADER)
    for item in utterances:
        image = item.image.relative_to(base) if item.image.is_relative_to(base) else item.image
        table.writerow([image, item.recording, item.voice, item.text, item.split])
    write_text(out / TABLE, rows.getvalue(), DataError, own=True)
