from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from spoken.tiny_corpus import make_segment

from avnet.errors import DataError, TrainingError
from data.records.pairs import PairConfig
from data.records.segment import Segment
from train.correspondence import features
from train.correspondence.features import features_of

DRAWS = 3
PLAN = {"draws": DRAWS, "seed": 0}


class Towers:
    """Stands in for a network's: the first cells of each image, the first samples of each sound; counts its traces."""

    def __init__(self):
        self.traces = 0

    def __call__(self, network, batch, key):
        self.traces += 1
        return batch["image"][:, :2, :2].astype(jnp.float32), batch["waveform"][:, :5].astype(jnp.float32)


class Noise(list[Segment]):
    """Segments whose sound is nowhere like itself."""

    def __init__(self, count: int):
        rng = np.random.default_rng(0)
        samples = rng.integers(-999, 999, (count, 72_000)).astype(np.int16)
        super().__init__(replace(make_segment(f"{i}.mp4", i), waveform=samples[i]) for i in range(count))


@pytest.fixture(scope="module")
def source():
    return Noise(32)


@pytest.fixture(scope="module")
def network():
    return nnx.Linear(1, 1, rngs=nnx.Rngs(0))  # towers stand beside it here


def compute(folder: Path, source, network, towers=None, plan=None):
    pairs = PairConfig(4800, canvas=32, negatives=0.0)
    return features_of(folder, source, pairs, network, towers or Towers(), plan or PLAN)


def test_each_segment_has_features_of_each_draw(tmp_path, source, network):
    table = compute(tmp_path, source, network)
    assert [sum(len(part) for part in draw) for draw in table.grids] == [len(source)] * DRAWS
    assert table.grids[0][0].shape[1:] == (2, 2, 3)
    assert table.grids[0][0].dtype == table.sounds[0][0].dtype == np.float16
    # Drawn anew: misaligned otherwise.
    assert not np.array_equal(table.sounds[0][0], table.sounds[1][0])


def test_images_go_with_sounds_of_their_own_video_and_negatives_with_those_of_another(tmp_path, source, network):
    table = compute(tmp_path, source, network)
    by_sound = {table.sounds[d][0][i].tobytes(): i for d in range(DRAWS) for i in range(len(source))}
    by_grid = {table.grids[d][0][i].tobytes(): i for d in range(DRAWS) for i in range(len(source))}
    batches = table.batches(8, seed=1, negatives=0.5, shard=(0, 1))
    labels = []
    for _ in range(8):
        batch = next(batches)
        columns = (batch[name] for name in ("grid", "sound", "label", "video"))
        for grid, sound, label, video in zip(*columns, strict=True):
            image, other = by_grid[grid.tobytes()], by_sound[sound.tobytes()]
            assert (table.videos[image] == table.videos[other]) == bool(label)
            assert table.videos[image] == video
            labels.append(label)
    assert 0.3 < np.mean(labels) < 0.7


def test_an_epoch_has_every_segment_once_and_a_position_can_be_restored(tmp_path, source, network):
    table = compute(tmp_path, source, network)
    batches = table.batches(8, seed=0, negatives=0.0, shard=(0, 1))
    epoch = [next(batches)["video"] for _ in range(len(source) // 8)]
    assert sorted(np.concatenate(epoch).tolist()) == sorted(table.videos.tolist())
    state = batches.state
    after = next(batches)
    again = table.batches(8, seed=0, negatives=0.0, shard=(0, 1))
    again.restore(state)
    np.testing.assert_array_equal(next(again)["grid"], after["grid"])


@pytest.mark.parametrize("damaged_list", [False, True])
def test_what_is_whole_is_read_and_what_is_damaged_or_missing_is_computed_again(
    tmp_path, source, network, monkeypatch, damaged_list
):
    monkeypatch.setattr(features, "PART", 8)
    whole = compute(tmp_path, source, network)
    expected = [[np.array(part) for part in draw] for draw in whole.grids]
    untouched = Towers()
    compute(tmp_path, source, network, untouched)
    assert untouched.traces == 0
    files = sorted(tmp_path.glob("images-*.npy"))
    content = bytearray(files[0].read_bytes())
    content[-1] ^= 1
    files[0].write_bytes(content)
    files[1].unlink()
    if damaged_list:
        (tmp_path / features.DIGESTS).write_text("{")
    again = compute(tmp_path, source, network)
    for draw, parts in zip(again.grids, expected, strict=True):
        for part, rows in zip(draw, parts, strict=True):
            np.testing.assert_array_equal(part, rows)


def test_features_of_another_plan_and_too_few_segments_for_a_batch_are_refused(tmp_path, source, network):
    table = compute(tmp_path, source, network)
    with pytest.raises(TrainingError, match="holds features of other records, towers or options"):
        compute(tmp_path, source, network, plan={**PLAN, "seed": 1})
    with pytest.raises(DataError, match="fewer than a batch of 1000; use --batch-size"):
        table.batches(1000, 0, 0.0, (0, 1))
