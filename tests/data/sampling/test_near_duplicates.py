import numpy as np
import pytest
from media.media_files import make_video
from media.samples import sample_video
from PIL import Image

from data.records.jpeg import decode_jpeg
from data.sampling.config import SamplingConfig
from data.sampling.near_duplicates import (
    Match,
    NearDuplicates,
    near_duplicates,
    near_pairs,
    partners,
    perceptual_hash,
    report_lines,
)


def scene(seed, side=128):
    """An image of soft blobs."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((side * 3 // 2, side), Image.Resampling.BICUBIC))


def random_hashes(n, seed=0):
    return np.unique(np.random.default_rng(seed).integers(0, 2**64, n, np.uint64))


def flip_bits(value, bits):
    return value ^ sum(1 << bit for bit in bits)


def alike(n, seed=1):
    """Hashes within a few bits of a few centres, all different."""
    rng = np.random.default_rng(seed)
    values = rng.choice(random_hashes(20), n)
    for _ in range(6):
        values = values ^ (np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64))
    return np.unique(values)


def test_hash_holds_the_signs_of_the_lowest_frequencies():
    # A cosine of frequency 3 along the rows: the mean and this one coefficient stand out above the median.
    wave = 128 + 100 * np.cos(np.pi * 3 * (np.arange(64) + 0.5) / 64)
    image = np.repeat(np.tile(wave, (64, 1))[..., None], 3, axis=2).astype(np.uint8)
    value = perceptual_hash(image)
    assert value is not None and 0 <= value < 2**64
    assert value >> 63 & 1 and value >> 60 & 1
    negative = perceptual_hash(255 - image)
    assert negative is not None and not negative >> 60 & 1


def test_hash_hardly_changes_with_size_and_brightness():
    value = perceptual_hash(scene(0))
    assert value is not None
    for other in (scene(0, 300), (scene(0) * 0.7 + 40).astype(np.uint8)):
        assert (value ^ (perceptual_hash(other) or 0)).bit_count() <= 4
    assert (value ^ (perceptual_hash(scene(1)) or 0)).bit_count() > 12


def test_images_without_structure_have_no_hash():
    noise = np.random.default_rng(0).integers(-3, 4, (64, 64, 3))
    for level in (16, 128, 235):
        assert perceptual_hash(np.clip(level + noise, 0, 255).astype(np.uint8)) is None
    assert perceptual_hash(np.zeros((1, 1, 3), np.uint8)) is None


@pytest.mark.parametrize("radius", [0, 1, 4, 8, 12])
def test_near_pairs_are_those_of_brute_force(radius):
    values = np.union1d(alike(300), random_hashes(200, seed=2))
    pairs, full = near_pairs(values, np.full(len(values), -1), radius)
    near = np.bitwise_count(values[:, None] ^ values) <= radius
    expected = np.argwhere(np.triu(near, 1)).tolist()
    assert radius < 4 or expected
    assert sorted(map(sorted, pairs.tolist())) == expected
    assert not full.any()


def test_pairs_within_a_group_are_left_out_but_for_the_group_of_none():
    values = np.array([0, 1, 3, 7], np.uint64)
    pairs, _ = near_pairs(values, np.array([5, 5, -1, -1]), 1)
    assert sorted(map(sorted, pairs.tolist())) == [[1, 2], [2, 3]]


def test_the_search_is_bounded_where_very_many_hashes_are_alike():
    values = np.unique(np.arange(2000, dtype=np.uint64))
    pairs, full = near_pairs(values, np.full(len(values), -1), 8, max_bucket=20)
    assert full.sum() >= 1900
    assert len(pairs) < 2000 * 60


def test_partners_count_the_frames_of_the_side_that_has_fewer():
    still, once = np.zeros(9, np.uint64), np.array([0, 2**40 - 1, 2**50 - 1, 2**60 - 1], np.uint64)
    assert partners(still, once, 4) == partners(once, still, 4) == 1
    assert partners(once, once, 0) == 4


def test_share_is_of_the_shorter_video_and_worked_out_by_hand():
    a, b, c, d, e = (int(value) for value in random_hashes(5))
    long = [a, b, c, d, e]
    # Two of four frames have partners: one at 8 bits, one at 12; the third at 14 bits has none.
    short = [flip_bits(a, range(8)), flip_bits(b, range(12)), flip_bits(c, range(14)), flip_bits(d, range(20))]
    pairs = near_duplicates({"short": short, "long": long})
    assert pairs == NearDuplicates([Match("long", "short", 0.5)], 0)
    # Without a pair within 8 bits there is no candidate.
    assert not near_duplicates({"short": [flip_bits(a, range(10)), *short[1:]], "long": long}).matches
    assert not near_duplicates({"short": short, "long": long}, share=0.6).matches


def test_matches_are_those_of_brute_force_in_whatever_order_the_videos_come():
    rng = np.random.default_rng(3)
    pool = np.concatenate([alike(100), random_hashes(300)])
    hashes = {f"v{i}": rng.choice(pool, rng.integers(0, 6)).tolist() for i in range(150)}
    expected = []
    for first in sorted(hashes):
        for second in sorted(hashes):
            if first < second and hashes[first] and hashes[second]:
                distance = np.bitwise_count(
                    np.array(hashes[first], np.uint64)[:, None] ^ np.array(hashes[second], np.uint64)
                )
                near = distance <= 12
                share = min(near.any(0).sum(), near.any(1).sum()) / min(distance.shape)
                if distance.min() <= 8 and share >= 0.5:
                    expected.append(Match(first, second, share))
    assert len(expected) > 10
    permutation = {name: rng.permutation(np.array(hashes[name], np.uint64)).tolist() for name in reversed(hashes)}
    assert near_duplicates(hashes) == near_duplicates(permutation) == NearDuplicates(expected, 0)


def test_a_logo_in_very_many_videos_is_left_out_and_said():
    own = random_hashes(40).tolist()
    logo = own.pop()
    hashes = {f"v{i:02}": [logo, value] for i, value in enumerate(own)}
    assert len(near_duplicates(hashes).matches) == 39 * 38 / 2
    assert near_duplicates(hashes, max_videos=38) == NearDuplicates([], 1)
    # The same for a logo that is a little different each time; two copies are found all the same.
    near = {name: [flip_bits(logo, [i]), value] for i, (name, (_, value)) in enumerate(hashes.items())}
    near["copy"] = near["v07"]
    pairs = near_duplicates(near, max_videos=30)
    assert pairs.matches == [Match("copy", "v07", 1.0)] and pairs.common == 39


@pytest.mark.parametrize("hashes", [{}, {"a": []}, {"a": [], "b": [5]}, {"a": [5, 5, 4]}])
def test_nothing_is_found_among_too_little(hashes):
    assert near_duplicates(hashes) == NearDuplicates([], 0)


def test_copies_of_real_videos_are_found(tmp_path):
    def hashes_of(name, seed, side, quality, gain=1.0):
        def image_at(t):
            return (scene((seed, int(t)), side) * gain).astype(np.uint8)

        path = make_video(tmp_path / name, 3.0, image_at, fps=5.0)
        samples = sample_video(path, name, "0" * 64, SamplingConfig(short_side=64, quality=quality))
        pairs = [perceptual_hash(decode_jpeg(frame)) for segment in samples.segments for frame in segment.frames]
        return [value for value in pairs if value is not None]

    hashes = {
        "film.mp4": hashes_of("film.mp4", 0, 128, 90),
        "copy.webm": hashes_of("copy.webm", 0, 80, 40, gain=0.8),
        "other.mp4": hashes_of("other.mp4", 1, 128, 90),
    }
    assert near_duplicates(hashes).matches == [Match("copy.webm", "film.mp4", 1.0)]


def test_report_counts_pairs_videos_and_what_leaks_across_splits():
    split_of = {"a": "train", "b": "train", "c": "test"}
    matches = [Match("a", "b", 1.0), Match("a", "c", 0.75)]
    assert report_lines(NearDuplicates(matches, 0), split_of, 10) == [
        "2 near-duplicate pairs in 3 videos, 1 of them across splits",
        "  a (train) and c (test): 75% of the frames",
        "  a (train) and b (train): 100% of the frames",
    ]
    assert report_lines(NearDuplicates([], 0), split_of, 10) == []
    assert len(report_lines(NearDuplicates(matches[:1] * 12, 0), split_of, 10)) == 12
    assert "3 frames like very many others" in report_lines(NearDuplicates([], 3), split_of, 10)[0]
