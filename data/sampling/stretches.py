"""The sound of a video, cut into stretches of at most one length while it is read."""

import itertools
from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from avnet.media.audio import Waveform


def stretches(parts: Iterator[Waveform], bounds: Sequence[float], longest_s: float) -> Iterator[Waveform]:
    """Cuts a sound at given times, and what lies between two of them into stretches of at most `longest_s`.

    No more than two stretches are held in memory. All are of full length but the last two of a scene, which are equal,
    so that none is a mere rest.

    Args:
        parts: of the sound, each where the one before ends.
        bounds: ascending times in seconds; what lies before the first or after the last is left out.
        longest_s: seconds.

    Yields:
        Stretches in order of time.
    """
    for _, scene in itertools.groupby(_by_scene(parts, bounds), key=itemgetter(0)):
        yield from _cut((part for _, part in scene), longest_s)


def _by_scene(parts: Iterator[Waveform], bounds: Sequence[float]) -> Iterator[tuple[int, Waveform]]:
    """The parts, split at the bounds, with the number of the scene that each lies in."""
    edges, first = None, 0
    for part in parts:
        rate = part.sample_rate
        if edges is None:
            start_s = part.start_s
            edges = np.rint((np.asarray(bounds) - start_s) * rate)
        end = first + len(part.samples)
        scene = max(0, int(np.searchsorted(edges, first, side="right")) - 1)
        while scene + 1 < len(edges) and edges[scene] < end:
            low, high = max(first, int(edges[scene])), int(min(end, edges[scene + 1]))
            if high > low:
                yield scene, Waveform(part.samples[low - first : high - first], start_s + low / rate, rate)
            scene += 1
        if end >= edges[-1]:
            return
        first = end


def _cut(parts: Iterator[Waveform], longest_s: float) -> Iterator[Waveform]:
    buffer: list[np.ndarray] = []
    length, first, start_s, rate = 0, 0, 0.0, 1
    for part in parts:
        if not length and not first:
            start_s, rate = part.start_s, part.sample_rate
        buffer.append(part.samples)
        length += len(part.samples)
        longest = round(longest_s * rate)
        while length >= 2 * longest:
            samples = np.concatenate(buffer)
            yield Waveform(samples[:longest], start_s + first / rate, rate)
            buffer, length, first = [samples[longest:]], length - longest, first + longest
    if length:
        samples = np.concatenate(buffer)
        for half in np.array_split(samples, 2 if length > round(longest_s * rate) else 1):
            yield Waveform(half, start_s + first / rate, rate)
            first += len(half)
