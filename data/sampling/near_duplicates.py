"""Near-duplicate videos: copies that were re-encoded, scaled, trimmed, cropped a little or changed in brightness.

Every kept frame has a 64-bit perceptual hash. Two videos are candidates when one frame of each has hashes that differ
in at most 8 bits, which is searched among all frames without comparing all pairs; candidates are near duplicates when
half of the frames of the shorter one have a partner within 12 bits.

Measured on 153 real clips at one frame a second, share of the copies found: H.264 at crf 35, half size, contrast and
brightness changed, 15 frames a second: 1.00 each; first 0.4 s cut off, so that other frames are kept: 0.91; cropped by
a tenth in width and height: 0.75 to 0.78, by how the frames were scaled. Of 11,628 pairs of different clips 3 were
reported: two look like parts of one video, one shows one speaker in one studio.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

BITS = 64
# The grey image of 32 x 32 pixels that is hashed has no structure below this standard deviation, of 255 levels:
# there re-encoding changes up to half of the bits; from 4 to 8 levels some 6 of 64 or fewer, above mostly 2. What
# varies along one axis alone (a slide with a gradient) passes with an unstable hash: such copies may be missed.
SIDE, FLAT = 32, 4.0
# Differing bits: of one pair of frames to look closer, and of a frame and its partner. As the hash is cut at its median
# (32 bits are set), distances are even.
SEED_RADIUS, RADIUS = 8, 12
SHARE = 0.5
# What is in more videos than this, or like hashes of more, is a logo or a test card.
MAX_VIDEOS = 200
# Hashes that agree in some bands are each compared with so many of the next; a hash that is near more is searched no
# further. Without these bounds one test card in 10,000 videos makes 50 million pairs.
MAX_BUCKET = 500
# Rows that are worked on at a time, for memory.
CHUNK = 4_000_000


@dataclass(frozen=True, order=True)
class Match:
    """Two videos that show the same.

    Attributes:
        first: name of one, the smaller in the order of strings.
        second: name of the other.
        share: of the shorter one's frames that have a partner, from `SHARE` to 1.
    """

    first: str
    second: str
    share: float


@dataclass(frozen=True)
class NearDuplicates:
    """What was found.

    Attributes:
        matches: sorted by name.
        common: frames (different hashes) that were not compared with all, as very many others are the same or alike.
    """

    matches: list[Match]
    common: int


def perceptual_hash(image: np.ndarray) -> int | None:
    """The signs of the 8 x 8 lowest frequencies of the grey image about their median.

    Reference: Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, section 3.2.1, as in
    the library `imagehash`. To save time the image is first averaged over squares to a short side of 64 to 127.

    Args:
        image: uint8 RGB [height, width, 3].

    Returns:
        64 bits, the lowest frequency first, or None where the image is so flat (black, a fade, an empty slide) that
        the hash would be that of the noise.
    """
    import imagehash  # takes a tenth of a second, with SciPy's transforms

    small = Image.fromarray(image)
    small = small.reduce(max(1, min(small.size) // 64)).convert("L")
    small = small.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    if np.asarray(small).std() < FLAT:
        return None
    return int(str(imagehash.phash(small)), 16)


def near_duplicates(
    hashes: Mapping[str, Sequence[int]],
    *,
    seed_radius: int = SEED_RADIUS,
    radius: int = RADIUS,
    share: float = SHARE,
    max_videos: int = MAX_VIDEOS,
) -> NearDuplicates:
    """Finds the pairs of videos of which enough frames look alike.

    Args:
        hashes: of the frames of each video by its name, without those that have none; no order matters.
        seed_radius: at most so many bits differ in one pair of frames at least, 0 to 12.
        radius: at most so many bits differ between a frame and its partner, 0 to 64.
        share: of the shorter video's frames that need a partner, above 0 to 1; see `partners`.
        max_videos: a hash that occurs in more videos is left out, as if these frames had none; one that is near hashes
            of more videos makes no candidates. So more copies of one video than this are not found.
    """
    names = sorted(hashes)
    owner = np.repeat(np.arange(len(names)), [len(hashes[name]) for name in names])
    frames = np.fromiter(itertools.chain.from_iterable(hashes[name] for name in names), np.uint64, len(owner))
    rare, common = _rare(frames, owner, max_videos)
    frames, owner = frames[rare], owner[rare]
    candidates, frequent = _candidates(frames, owner, seed_radius, max_videos)
    videos = np.split(frames, np.searchsorted(owner, np.arange(1, len(names))))
    matches = []
    for first, second in candidates.tolist():
        fraction = partners(videos[first], videos[second], radius) / min(len(videos[first]), len(videos[second]))
        if fraction >= share:
            matches.append(Match(names[first], names[second], fraction))
    return NearDuplicates(matches, common + frequent)


def partners(first: np.ndarray, second: np.ndarray, radius: int) -> int:
    """How many frames two videos share: the smaller of the numbers of frames of either that are near one of the other.

    So a still video of ten frames is no copy of a video that shows it in one.

    Args:
        first: uint64 [frames], hashes of one video.
        second: uint64 [other frames], of the other.
        radius: at most so many bits differ.
    """
    ours, theirs = 0, np.zeros(len(second), bool)
    for part in np.array_split(first, 1 + len(first) * len(second) // CHUNK):
        near = np.bitwise_count(part[:, None] ^ second) <= radius
        ours += int(near.any(axis=1).sum())
        theirs |= near.any(axis=0)
    return min(ours, int(theirs.sum()))


def near_pairs(
    values: np.ndarray, group: np.ndarray, radius: int, max_bucket: int = MAX_BUCKET
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of different hashes within a Hamming radius, found by the pigeonhole principle.

    With the 64 bits in `radius` + m bands, two hashes within the radius agree in at least m bands. So for each choice
    of m bands the hashes are sorted by these bands, and compared only where they agree in them. A million random
    hashes take half a minute at radius 8.

    Reference: Manku, Jain and Das Sarma, "Detecting Near-Duplicates for Web Crawling", 2007, section 3.

    Args:
        values: uint64 [n], all different.
        group: int [n]; pairs within a group are left out, but for those of the group -1.
        radius: at most so many bits differ, 0 to 12.
        max_bucket: hashes that agree in the chosen bands are compared with so many neighbours in order, and a hash is
            searched no further when it has more partners; beyond, pairs may be missed.

    Returns:
        int64 [pairs, 2], indices of either, in any order; and bool [n], the hashes whose search was bounded.
    """
    bands = _bands(len(values), radius)
    parts = [np.zeros((0, 2), np.int64)]
    partners_of, incomplete = np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    for key_bands in itertools.combinations(range(len(bands)), len(bands) - radius):
        active = np.flatnonzero(partners_of <= max_bucket)
        order, keys, free = _sorted_by(values[active], bands, key_bands)
        order = active[order]
        incomplete[order[:-max_bucket][keys[:-max_bucket] ^ keys[max_bucket:] < 2**free]] = True
        for first, second in _neighbours(keys, free, radius, max_bucket):
            pairs = np.stack([order[first], order[second]], axis=1)
            parts.append(pairs[_is_new(values, group, pairs, bands, key_bands)])
            np.add.at(partners_of, parts[-1], 1)
    return np.concatenate(parts), incomplete | (partners_of > max_bucket)


def _neighbours(keys: np.ndarray, free: int, radius: int, max_bucket: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of the near pairs that agree in all but their last `free` bits, by their distance in the order."""
    first = np.arange(len(keys))
    for offset in range(1, max_bucket + 1):
        first = first[: np.searchsorted(first, len(keys) - offset)]
        differing = keys[first] ^ keys[first + offset]
        agree = differing < 2**free
        first = first[agree]
        if not len(first):
            return
        near = first[np.bitwise_count(differing[agree]) <= radius]
        yield near, near + offset


def _bands(count: int, radius: int) -> list[tuple[int, int]]:
    """First and last bits of as many bands as make the search quick."""

    def cost(agreeing: int) -> float:
        # In nanoseconds: sorting takes some 300 for each hash, comparing 25 for each pair.
        pairs = count**2 / 2 / 2 ** (BITS * agreeing / (radius + agreeing))
        return math.comb(radius + agreeing, agreeing) * (300 * count + 25 * pairs)

    bands = radius + min((1, 2, 3), key=cost)
    return list(itertools.pairwise(BITS * i // bands for i in range(bands + 1)))


def _band(values: np.ndarray, band: tuple[int, int]) -> np.ndarray:
    return values >> np.uint64(band[0]) & np.uint64(2 ** (band[1] - band[0]) - 1)


def _sorted_by(values, bands, key_bands) -> tuple[np.ndarray, np.ndarray, int]:
    """The order, the values in it with the bits of the chosen bands in front, and how many bits are in the others."""
    others = [i for i in range(len(bands)) if i not in key_bands]
    keys = np.zeros_like(values)
    for i in (*key_bands, *others):
        width = bands[i][1] - bands[i][0]
        keys = keys << np.uint64(width % BITS) | _band(values, bands[i])
    order = np.argsort(keys)
    return order, keys[order], sum(bands[i][1] - bands[i][0] for i in others)


def _is_new(values, group, pairs, bands, key_bands) -> np.ndarray:
    """Whether pairs are of two groups and met here first: the chosen bands are the first in which they agree."""
    first, second = pairs.T
    new = (group[first] != group[second]) | (group[first] == -1)
    differing = values[first] ^ values[second]
    for i in set(range(key_bands[-1])) - set(key_bands):
        new &= _band(differing, bands[i]) != 0
    return new


def _rare(frames: np.ndarray, owner: np.ndarray, max_videos: int) -> tuple[np.ndarray, int]:
    """Which frames have a hash that is in few videos, bool [n], and how many hashes are in more."""
    values, which = np.unique(frames, return_inverse=True)
    hashes, _ = _videos_of(which, owner)
    common = np.bincount(hashes, minlength=len(values)) > max_videos
    return ~common[which], int(common.sum())


def _videos_of(which: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each hash with each video in which it is, int64 [n] both, sorted by hash."""
    videos = owner.max(initial=0) + 1
    return np.divmod(np.unique(which * videos + owner), videos)


def _candidates(frames: np.ndarray, owner: np.ndarray, radius: int, max_videos: int) -> tuple[np.ndarray, int]:
    """Pairs of videos with a pair of near frames, int64 [pairs, 2] in order; and how many hashes are like too many."""
    values, which = np.unique(frames, return_inverse=True)
    hashes, video = _videos_of(which, owner)
    count = np.bincount(hashes, minlength=len(values))
    start = np.cumsum(count) - count
    near, incomplete = near_pairs(values, np.where(count == 1, video[start], -1), radius)
    partner, _ = _videos_of(
        np.concatenate([near[:, 0], near[:, 1]]), video[start][np.concatenate([near[:, 1], near[:, 0]])]
    )
    frequent = np.bincount(partner, minlength=len(values)) > max_videos
    same = np.flatnonzero(count > 1)
    pairs = np.concatenate([near[~frequent[near].any(axis=1)], np.stack([same, same], axis=1)])
    return _all_with_all(pairs, video, start, count), int((incomplete | frequent).sum())


def _all_with_all(pairs: np.ndarray, video: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Every video of one hash with every other of the other, for each pair of hashes: int64 [pairs, 2], once each."""
    sizes = count[pairs].prod(axis=1)
    videos = video.max(initial=0) + 1
    codes = np.zeros(0, np.int64)
    for part in np.array_split(np.arange(len(pairs)), 1 + sizes.sum() // CHUNK):
        first, second = np.repeat(pairs[part], sizes[part], axis=0).T
        within = np.arange(len(first)) - np.repeat(np.cumsum(sizes[part]) - sizes[part], sizes[part])
        one, other = video[start[first] + within // count[second]], video[start[second] + within % count[second]]
        both = np.minimum(one, other) * videos + np.maximum(one, other)
        codes = np.union1d(codes, both[one != other])
    return np.stack(np.divmod(codes, videos), axis=1)


def report_lines(duplicates: NearDuplicates, split_of: Mapping[str, str], limit: int) -> list[str]:
    """What a user should know, in sentences; none where nothing was found.

    Args:
        duplicates: as by `near_duplicates`.
        split_of: the split of every video by its name.
        limit: pairs that are named, at most; those across splits first.
    """
    lines = []
    matches = sorted(duplicates.matches, key=lambda match: split_of.get(match.first) == split_of.get(match.second))
    across = sum(split_of.get(match.first) != split_of.get(match.second) for match in matches)
    if matches:
        videos = {name for match in matches for name in (match.first, match.second)}
        pairs = "pair" if len(matches) == 1 else "pairs"
        lines.append(f"{len(matches)} near-duplicate {pairs} in {len(videos)} videos, {across} of them across splits")
    for match in matches[:limit]:
        first, second = (f"{name} ({split_of.get(name, 'unknown')})" for name in (match.first, match.second))
        lines.append(f"  {first} and {second}: {match.share:.0%} of the frames")
    if len(matches) > limit > 0:
        lines.append(f"  and {len(matches) - limit} more")
    if duplicates.common:
        alike = f"{duplicates.common} frames like very many others (logos, test cards, still scenes)"
        lines.append(f"{alike} were not compared with all")
    return lines
