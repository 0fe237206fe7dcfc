"""`python -m train compact`: a describer that needs no corpus beside it, in half of the space or less."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from avnet.describer.folder import SPACE, UNITS, VOICE, read_describer, write_describer
from avnet.errors import ConfigError
from avnet.files.artifact import check_place, read_header
from avnet.files.kinds import DESCRIBER, KINDS
from avnet.program.progress import show_progress
from avnet.speech_space.space import SpeechSpace
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.selection.voice import Voice
from avnet.synthesizers.voice import open_voice
from avnet.units.registry import read_any_units
from train.compact.config import CompactConfig
from train.compact.familiarity import project
from train.compact.memory import shorten
from train.compact.voice import write_in_steps, write_recordings_of


def compact(config: CompactConfig) -> dict[str, int]:
    """Runs the whole command.

    Returns:
        Bytes of each part, as it prints them, and of "all".

    Raises:
        ModelFolderError: the model is not a describer, or the voice is none that avnet wrote, or of other units.
        ConfigError: the card cannot be read, or the small describer would replace the describer that it is made of.
    """
    if config.out.resolve() == config.model.resolve():
        raise ConfigError(
            "--out", f"is the describer itself, {config.model}, which would be lost; choose another folder"
        )
    check_place(config.out, DESCRIBER)
    read_header(config.voice, *KINDS.values())  # a mere folder of sounds would do for `open_voice`
    parts, space = read_describer(config.model), SpeechSpace.load(config.model / SPACE)
    units = read_any_units(config.model / UNITS)
    voice = open_voice(config.voice, units)
    memory, names = shorten(parts.memory, parts.names, config.memory)
    familiarity = project(parts.familiarity, config.components) if config.components else parts.familiarity
    card = card_of(config, len(memory.image))
    with TemporaryDirectory() as place:
        folders = {SPACE: Path(place) / SPACE, UNITS: config.model / UNITS, VOICE: config.voice}
        tower = space.image_tower.without_classifier()
        SpeechSpace(space.network, tower, validation=space.validation).save(folders[SPACE], precision=config.precision)
        if isinstance(voice, Voice):
            folders[VOICE] = Path(place) / VOICE
            with show_progress() as on_event:
                write_recordings_of(folders[VOICE], voice, config.hours, units, on_event)
        elif isinstance(voice, ClusterVoice) and config.precision == "int8":
            folders[VOICE] = Path(place) / VOICE
            write_in_steps(folders[VOICE], config.voice, voice, units)
        small = replace(parts, memory=memory, names=names, familiarity=familiarity)
        write_describer(config.out, small, folders, card, config.precision)
    sizes = sizes_of(config.out)
    for part, size in sizes.items():
        print(f"{part:24} {size / 1e6:6.1f} MB")
    print(f"describer: {config.out}")
    return sizes


def card_of(config: CompactConfig, recordings: int) -> str:
    """The card: that of the options, or that of the describer with what was done to it.

    Raises:
        ConfigError: the file cannot be read.
    """
    if config.card is not None:
        try:
            return config.card.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(config.card, f"cannot be read as the card ({error})") from None
    card = read_header(config.model, DESCRIBER).card() or "# Describer\n"
    return f"""{card.rstrip()}

## Made smaller
By `python -m train compact`: weights in {config.precision}, a smaller voice, {recordings:,} recordings in the memory.
"""


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of all that lies directly in a folder, by name, and of "all"."""
    sizes = {
        path.name: sum(
            file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
        )
        for path in sorted(folder.iterdir())
    }
    return sizes | {"all": sum(sizes.values())}
