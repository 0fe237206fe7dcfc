"""What heatmaps say, in sentences for those who hear the page."""

from collections.abc import Sequence

from avnet.correspondence.verdict import HERE, SILENCE, Verdict

# Beyond a third of the way something is on a side.
LOW, HIGH = 1 / 3, 2 / 3


def sentence(stretch: Sequence[Verdict], to_s: float) -> str:
    """One stretch of a verdict in words.

    Args:
        stretch: neighboring verdicts of a kind.
        to_s: when the next one begins, seconds.
    """
    best = max(stretch, key=lambda verdict: verdict.peak)
    span = f"From {clock(stretch[0].time_s)} to {clock(to_s)}"
    if best.verdict == SILENCE:
        return f"{span} there is silence."
    name = next(iter(best.audible), None)
    what = f"the sound, probably “{name}”," if name else "the sound"
    if best.verdict == HERE:
        return f"{span} {what} comes from {place(best.x, best.y)}."
    return f"{span} nothing in the image makes {what.removesuffix(',')}."


def place(x: float, y: float) -> str:
    """Where in an image a point lies, as one would say it.

    Example:
        >>> place(0.1, 0.5), place(0.5, 0.5), place(0.9, 0.1)
        ('the left', 'the middle', 'the upper right')
    """
    side = "left" if x < LOW else "right" if x > HIGH else ""
    height = "upper" if y < LOW else "lower" if y > HIGH else ""
    if not side:
        return f"the {height} middle" if height else "the middle"
    return f"the {height} {side}" if height else f"the {side}"


def clock(seconds: float) -> str:
    """Minutes and seconds.

    Example:
        >>> clock(0.0), clock(75.4)
        ('0:00', '1:15')
    """
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    return f"{minutes}:{rest:02d}"
