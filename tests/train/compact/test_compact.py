"""A describer made small says what it said, without its corpus and in half of the space."""

import json

import numpy as np
import pytest
from one_of_each import cluster_voice, save_describer, units

from avnet.describer.describer import Describer
from avnet.describer.folder import RetrievalMemory
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import read_header
from avnet.files.kinds import DESCRIBER
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.selection.folder import read_parts
from avnet.synthesizers.selection.voice import Voice
from train.compact.config import CompactConfig
from train.compact.memory import shorten, typicality
from train.compact.program import compact


def memory() -> RetrievalMemory:
    """Two images by turns: of the first 0, 2 and 4 with 2 in the middle, of the second 1 and 3, equals."""
    angles = np.radians([0.0, 90.0, 10.0, 90.0, 30.0])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return RetrievalMemory(
        embeddings, np.arange(5, dtype=np.int32)[:, None], np.array([4, 2, 4, 2, 4]), np.array([1, 0, 1, 0, 1])
    )


def test_the_most_typical_recording_of_an_image_is_the_nearest_to_their_mean():
    # The mean of the first lies at 13.3 degrees: 10 is 3 away, 0 is 13, 30 is 17.
    np.testing.assert_array_equal(typicality(memory()), [1, 0, 0, 1, 2])


@pytest.mark.parametrize(
    ("most", "stays"), [(1, [1]), (2, [1, 2]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (9, [*range(5)])]
)
def test_each_image_keeps_as_many_as_there_is_room_for(most, stays):
    shorter, names = shorten(memory(), "abcde", most)
    np.testing.assert_array_equal(shorter.pieces[:, 0], stays)
    assert [names[i] for i in shorter.image] == ["ec"[i % 2] for i in stays]
    np.testing.assert_array_equal(shorter.embeddings, memory().embeddings[stays])


@pytest.fixture(scope="module")
def describer(tmp_path_factory):
    path = tmp_path_factory.mktemp("describer") / "model"
    save_describer(path)
    return path


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    path = tmp_path_factory.mktemp("trees") / "voice"
    cluster_voice().save(path, units().fingerprint)
    return path


@pytest.fixture(scope="module")
def small(describer, trees, tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "describer"
    sizes = compact(CompactConfig(describer, trees, path, memory=1))
    assert sizes["all"] == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path


def test_it_is_whole_and_its_voice_needs_no_recordings(small, describer):
    header = read_header(small, DESCRIBER)
    header.verify()
    assert "Made smaller" in header.card()
    assert not list(small.rglob("*.pcm")) and list(describer.rglob("*.pcm"))
    assert isinstance(Describer.load(small).voice, ClusterVoice)
    assert json.loads((small / "names.json").read_text()) == ["a"]


def test_its_weights_are_those_of_the_describer_in_half_precision(small, describer):
    for name in ("weights.safetensors", "space/weights.safetensors", "space/image/weights.safetensors"):
        assert (small / name).stat().st_size < 0.75 * (describer / name).stat().st_size
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    ours, theirs = (Describer.load(path).space.embed_images([image]) for path in (small, describer))
    np.testing.assert_allclose(ours, theirs, atol=5e-3)
    assert not np.array_equal(ours, theirs)


def test_in_steps_it_is_smaller_still_and_sees_nearly_the_same(small, describer, trees, tmp_path):
    compact(CompactConfig(describer, trees, tmp_path / "steps", precision="int8"))
    for name in ("space/weights.safetensors", "space/image/weights.safetensors"):
        assert (tmp_path / "steps" / name).stat().st_size < (describer / name).stat().st_size
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    ours, theirs = (Describer.load(path).space.embed_images([image]) for path in (tmp_path / "steps", describer))
    assert (ours * theirs).sum() > 0.98 and not np.array_equal(ours, theirs)
    steps = Describer.load(tmp_path / "steps")
    assert next(steps.describe([image])).units.dtype == np.int64
    assert isinstance(steps.voice, ClusterVoice) and steps.voice.clusters.filter.mean.dtype == np.uint8


def test_the_same_image_sounds_the_same_twice(small):
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    first, second = (next(Describer.load(small).describe([image])) for _ in range(2))
    np.testing.assert_array_equal(first.waveform, second.waveform)
    np.testing.assert_array_equal(first.units, second.units)


def test_a_card_of_ones_own(describer, trees, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("# Ours\n")
    compact(CompactConfig(describer, trees, tmp_path / "out", card=card))
    assert read_header(tmp_path / "out", DESCRIBER).card() == "# Ours\n"
    with pytest.raises(ConfigError, match=r"nowhere\.md: cannot be read as the card"):
        compact(CompactConfig(describer, trees, tmp_path / "out", card=tmp_path / "nowhere.md"))


def test_a_voice_of_other_units_is_refused(describer, tmp_path):
    cluster_voice().save(tmp_path / "trees", "f" * 64)
    with pytest.raises(ModelFolderError, match="units"):
        compact(CompactConfig(describer, tmp_path / "trees", tmp_path / "out"))
    with pytest.raises(ModelFolderError, match=r"model: is a describer, which cannot be used here"):
        compact(CompactConfig(describer, describer, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_some_hours_of_recordings_stay_in_8_bits(describer, tmp_path):
    whole = Describer.load(describer).voice
    assert isinstance(whole, Voice)
    compact(CompactConfig(describer, describer / "voice", tmp_path / "small", hours=1e-9))
    small = Describer.load(tmp_path / "small").voice
    assert isinstance(small, Voice) and len(small.strings) == 1 < len(whole.strings)
    np.testing.assert_allclose(small.waveforms[0], whole.waveforms[0], atol=0.02)
    assert (tmp_path / "small" / "voice" / "recordings.pcm").stat().st_size == len(whole.waveforms[0])
    compact(CompactConfig(describer, describer / "voice", tmp_path / "all"))
    assert len(read_parts(tmp_path / "all" / "voice").strings) == len(whole.strings)


def test_memory_of_nothing_is_refused(describer, trees, tmp_path):
    with pytest.raises(ConfigError, match="memory"):
        CompactConfig(describer, trees, tmp_path / "out", memory=0)
    with pytest.raises(ConfigError, match="components"):
        CompactConfig(describer, trees, tmp_path / "out", components=-1)
    for hours in (0.0, float("nan")):
        with pytest.raises(ConfigError, match="--hours: must be more than 0"):
            CompactConfig(describer, trees, tmp_path / "out", hours=hours)


def test_the_describer_itself_and_a_folder_of_recordings_are_refused(describer, trees, tmp_path):
    before = read_header(describer, DESCRIBER).fingerprint
    with pytest.raises(ConfigError, match="is the describer itself"):
        compact(CompactConfig(describer, trees, describer / ".." / describer.name))
    assert read_header(describer, DESCRIBER).fingerprint == before
    (tmp_path / "recordings").mkdir()
    with pytest.raises(ModelFolderError, match=r"recordings: .* has no artifact\.json"):
        compact(CompactConfig(describer, tmp_path / "recordings", tmp_path / "out"))
