"""A labelled clip as lists of datasets name it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledClip:
    """One line of a list of clips.

    Attributes:
        source: the id of the video on the web (11 characters on YouTube), or the file as the list names it.
        labels: names or ids of its classes; none where the list keeps them to itself.
        name: how its file is usually called, without the suffix.
        start_s: where what is labelled begins, seconds.
        duration_s: how long it is, seconds; None is all of the file.
        split: 'train', 'validation' or 'test', or the number of a fold; empty where the list does not say.
    """

    source: str
    labels: tuple[str, ...]
    name: str
    start_s: float = 0.0
    duration_s: float | None = None
    split: str = ""


def usual_spelling(clip: LabelledClip) -> tuple[str, ...]:
    """The name of a clip whose files are called in one way."""
    return (clip.name,)


def youtube_spellings(clip: LabelledClip) -> tuple[str, ...]:
    """The names that programs give to a clip which they cut from a video of YouTube, the usual one first.

    Copies of VGGSound have the id with the start in six digits, those of Kinetics start and end in six digits. AudioSet
    is found with plain seconds, seconds with three decimals, milliseconds, or the id alone.
    """
    start_s, end_s = clip.start_s, clip.start_s + (clip.duration_s or 0.0)
    cuts = (
        f"{int(start_s):06d}",
        f"{int(start_s):06d}_{int(end_s):06d}",
        f"{int(start_s)}_{int(end_s)}",
        f"{start_s:.3f}_{end_s:.3f}",
        f"{round(1000 * start_s)}_{round(1000 * end_s)}",
    )
    names = (clip.name, *(f"{clip.source}_{cut}" for cut in cuts), clip.source)
    # An id may begin with `-`, which programs take for an option; hence the `Y`.
    return tuple(dict.fromkeys((*names, *(f"Y{name}" for name in names))))
