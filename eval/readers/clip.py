"""A labelled stretch of a video on the web, as lists of clips name it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelledClip:
    """One line of a list of clips.

    Attributes:
        video: its id, 11 characters on YouTube.
        start_s: where the clip starts in the video, seconds.
        duration_s: its length, seconds.
        labels: names or ids of its classes.
        split: 'train' or 'test', empty where the list does not say.
    """

    video: str
    start_s: float
    duration_s: float
    labels: tuple[str, ...]
    split: str = ""

    @property
    def name(self) -> str:
        """The id and the start in whole seconds, six digits: how VGGSound and VGG-SS name the file."""
        return f"{self.video}_{int(self.start_s):06d}"
