"""Refusals: every error that a user can cause names its subject (a file, a folder, an option) and the reason."""

import os


class AvnetError(Exception):
    """A refusal in one line, `subject: reason`; programs print it and exit with code 2.

    Attributes:
        subject: the file, folder or option that was refused.
        reason: what is wrong with it, in words.

    Example:
        >>> try:
        ...     avnet.read_image("no-such-file.jpg")
        ... except avnet.AvnetError as error:
        ...     print(error)
        no-such-file.jpg: no such file or directory
    """

    def __init__(self, subject: str | os.PathLike, reason: str):
        self.subject = str(subject)
        self.reason = " ".join(str(reason).split())
        # As `repr` has it: control characters in the name of a file shall not reach a terminal.
        super().__init__(f"{self.subject!r}"[1:-1] + f": {self.reason}")

    # Exceptions are pickled with the arguments of their base class, and workers send theirs to their parent.
    def __reduce__(self):
        return type(self), (self.subject, self.reason)


class Interruption(Exception):
    """A long run was asked to stop and has saved its state; programs print it and exit with code 0."""


class MediaError(AvnetError):
    """A media file was refused."""


class NotMedia(MediaError):
    """Not a regular file, or not one of the accepted containers or image formats."""


class NoVideoTrack(MediaError):
    """The file has no video stream."""


class NoAudioTrack(MediaError):
    """The file has no audio stream."""


class TooShort(MediaError):
    """Less video or sound than was asked for."""


class TooLarge(MediaError):
    """The header claims more pixels or a longer duration than the limits allow."""


class Damaged(MediaError):
    """The file opens but its data cannot be decoded."""


class Silent(MediaError):
    """The sound is there but below the threshold of silence."""


class NoSpeech(MediaError):
    """There is sound but no voice in it."""


class Crashed(MediaError):
    """The process that decoded the file died of it or ran past its limits."""


class Still(MediaError):
    """There are frames but nothing in them moves."""


class ModelFolderError(AvnetError):
    """A model folder is incomplete, inconsistent or not ours."""


class IndexFolderError(AvnetError):
    """An index is damaged, incomplete or belongs to another model."""


class DataError(AvnetError):
    """A corpus or a folder of records cannot be used as it is."""


class ConfigError(AvnetError):
    """An option or a configuration has a value that cannot be."""


class OptionError(ConfigError):
    """An option of a function has a value that cannot be; a command line spells it `--like-this`."""


class TrainingError(AvnetError):
    """Training cannot start or go on."""
