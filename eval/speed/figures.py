"""From repetitions to figures: medians and quartiles, rates, ratios and shares, round by round."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.speed.protocol import Facts, Timing


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles about it.

    Attributes:
        median: of all values.
        low: first quartile.
        high: third quartile.
        n: values.
    """

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value; quartiles between two values are linear."""
        low, median, high = np.percentile(np.asarray(values, float), (25, 50, 75)).tolist()
        return cls(median, low, high, len(values))

    def __str__(self):
        return f"{short(self.median)} [{short(self.low)}-{short(self.high)}]"


@dataclass(frozen=True)
class Measurement:
    """What was measured of one contender.

    Attributes:
        part: of the program.
        name: of the contender.
        unit: what `rate` counts: pairs, frames, ...
        amount: units in a sample.
        seconds: of a sample, with spread; None where it could not be measured.
        seconds_p95: that 95 of 100 samples stay below.
        rate: units a second, round by round.
        flop_per_s: floating-point operations a second; None where they are not counted.
        share_of_peak: of the fastest matrix product of the same round.
        peak_bytes: most memory of its process.
        device_peak_bytes: the same on the accelerator.
        facts: what it ran on and with.
        reason: why it could not be measured.
    """

    part: str
    name: str
    unit: str
    amount: float | None = None
    seconds: Spread | None = None
    seconds_p95: float | None = None
    rate: Spread | None = None
    flop_per_s: float | None = None
    share_of_peak: Spread | None = None
    peak_bytes: int | None = None
    device_peak_bytes: int | None = None
    facts: Facts | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Rounds:
    """All repetitions of one contender, in order.

    Attributes:
        name: of the contender.
        unit: of its amounts.
        timings: one a round.
        flop: floating-point operations a unit; 0 where they are not counted.
        is_peak: whether it is a matrix product, with which the others are compared.
        facts: of its worker.
    """

    name: str
    unit: str
    timings: Sequence[Timing]
    flop: float = 0.0
    is_peak: bool = False
    facts: Facts | None = None

    def rates(self) -> list[float]:
        """Units a second in each round."""
        # The rate of a whole round: a mean of the samples' rates would favor what is fast now and then.
        return [timing.amount * len(timing.seconds) / sum(timing.seconds) for timing in self.timings]


def measurement(part: str, rounds: Rounds, peaks: Sequence[float] = ()) -> Measurement:
    """The figures of a contender.

    Args:
        part: that it is of.
        rounds: at least one.
        peaks: floating-point operations a second of the fastest matrix product, round by round; none: no share.
    """
    seconds = [second for timing in rounds.timings for second in timing.seconds]
    rates = rounds.rates()
    device = [timing.device_peak_bytes for timing in rounds.timings if timing.device_peak_bytes is not None]
    share = None
    if rounds.flop and len(peaks):
        # Within a round all contenders meet the machine in the same state; one that failed early has fewer rounds.
        share = Spread.of([rate * rounds.flop / peak for rate, peak in zip(rates, peaks, strict=False)])
    return Measurement(
        part,
        rounds.name,
        rounds.unit,
        rounds.timings[0].amount,
        Spread.of(seconds),
        float(np.percentile(seconds, 95)),
        Spread.of(rates),
        Spread.of(rates).median * rounds.flop if rounds.flop else None,
        share,
        max(timing.peak_bytes for timing in rounds.timings),
        max(device, default=None),
        rounds.facts,
    )


def peaks_of(contenders: Sequence[Rounds]) -> list[float]:
    """Floating-point operations a second of the fastest matrix product in each round; none where there is none."""
    rates = [[rate * item.flop for rate in item.rates()] for item in contenders if item.is_peak]
    return [max(round) for round in zip(*rates, strict=False)]


def ratio(one: Rounds, other: Rounds) -> Spread:
    """How many times as fast the one is as the other, round by round."""
    return Spread.of([a / b for a, b in zip(one.rates(), other.rates(), strict=False)])


def short(value: float) -> str:
    """Three digits, with a letter for thousands, millions and on: 30.9G."""
    if not math.isfinite(value):
        return "-"
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def by_name(measurements: Sequence[Measurement]) -> Mapping[tuple[str, str], Measurement]:
    """Measurements by part and name."""
    return {(item.part, item.name): item for item in measurements}
