"""Training of a Tacotron 2 on units whose durations are known."""

import json
from typing import Any

import numpy as np
import pytest
from spoken.vowels import vowel_strings

from avnet.errors import ConfigError, TrainingError
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.voice import TacotronVoice
from avnet.units.strings import UnitString
from train.engine import loop
from train.frame_model.batches import Example, examples_of
from train.tacotron2.batches import LENGTHS, batch_of, buckets_of, whole_recordings
from train.tacotron2.config import Tacotron2TrainConfig
from train.tacotron2.program import Attending


def numbered(units: list[int], durations: list[int]) -> Example:
    """Every band of a frame holds the number of its unit."""
    starts = np.cumsum(durations) - durations
    columns = np.repeat(units, durations)[:, None] * np.ones((1, 80))
    return Example(UnitString(np.array(units), starts, sum(durations)), columns.astype(np.float32))


def test_a_batch_holds_recordings_and_the_units_of_their_steps():
    batch = batch_of([numbered([5, 2, 7], [1, 3, 1]), numbered([4], [2])], 7, 2)
    assert batch["tokens"].tolist() == [[5, 2, 7], [4, 0, 0]]
    assert batch["token_mask"].tolist() == [[True, True, True], [True, False, False]]
    # Seven frames are four steps of two.
    assert batch["frames"][..., 0].tolist() == [[5, 2, 2, 2, 7, 0, 0, 0], [4, 4, 0, 0, 0, 0, 0, 0]]
    assert batch["frame_mask"].sum(axis=1).tolist() == [5, 2]
    assert batch["tokens_of_steps"].tolist() == [[0, 1, 2, 0], [0, 0, 0, 0]]


def test_recordings_of_one_length_come_together_and_what_is_too_long_never():
    short, long = numbered([1, 2], [100, 100]), numbered([3], [480])
    # Many units take as much room as many frames.
    dense, endless = numbered([1, 2] * 100, [1] * 200), numbered([1], [LENGTHS[-1] + 1])
    buckets = buckets_of([short, long, dense, endless])
    assert [(bucket.frames, bucket.examples) for bucket in buckets] == [(240, [short]), (480, [long, dense])]
    batches = [whole_recordings(buckets, 2, 0, step, 2) for step in range(8)]
    assert {batch["frames"].shape for batch in batches} == {(2, 240, 80), (2, 480, 80)}
    again = whole_recordings(buckets, 2, 0, 3, 2)
    assert all(np.array_equal(again[name], batches[3][name]) for name in again)


def test_what_units_sound_like_is_learned(tmp_path, monkeypatch):
    sizes: dict[str, Any] = {
        "width": 16,
        "convolutions": 1,
        "prenet": 16,
        "attention_hidden": 24,
        "decoder_hidden": 24,
        "attention": 8,
    }
    sizes |= {"location_filters": 4, "location_kernel": 5, "postnet": 8, "postnet_convolutions": 2, "dropout": 0.0}
    tiny = Tacotron2Config(3, frames_per_step=4, **sizes)
    monkeypatch.setattr(Tacotron2Config, "small", lambda count: tiny)
    waveforms, strings = vowel_strings(4)
    examples = examples_of(waveforms * 2, strings * 2, 1, "mel")
    options: dict[str, Any] = {"steps": 24, "batch_size": 4, "validate_every": 12, "learning_rate": 1e-2}
    config = Tacotron2TrainConfig(tmp_path, tmp_path, tmp_path / "run", **options)
    model = loop.train(config.out, config, lambda _: Attending(config, examples, 3, "f" * 64))
    rows = [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]
    losses = [row for row in rows if row["kind"] == "train"]
    assert {"before", "after", "stop", "attention"} <= losses[0].keys() and losses[-1]["loss"] < losses[0]["loss"]
    first, last = [row for row in rows if row["kind"] == "validation"]
    assert last["mel_l1"] < first["mel_l1"] and last["token_distance"] < 1
    assert {"diagonal", "monotone", "reached", "stopped", "failed"} <= last.keys()
    voice = TacotronVoice.load(model, "f" * 64)
    assert len(voice.speak(strings[0].units)) > 0
    assert "No text was read" in (model / "README.md").read_text()


def test_too_little_speech_and_wrong_options_are_refused(tmp_path):
    config = Tacotron2TrainConfig(tmp_path, tmp_path, tmp_path / "run")
    for examples in ([numbered([1], [2])], [numbered([1], [LENGTHS[-1] + 1])] * 20):
        with pytest.raises(TrainingError, match=r"at least two with speech, of at most 8\.4 s"):
            Attending(config, examples, 4, "f")
    options: tuple[dict[str, Any], ...] = ({"max_recordings": -1}, {"validation_recordings": 0}, {"learning_rate": 1.0})
    for wrong in options:
        with pytest.raises(ConfigError):
            Tacotron2TrainConfig(tmp_path, tmp_path, tmp_path, **wrong)
