"""Which classes of images and of sounds the groups join, and which they leave out."""

import textwrap
from collections.abc import Sequence

from avnet.names import groups as table
from avnet.names.audioset import CLASSES as SOUNDS
from avnet.names.imagenet import CLASSES as IMAGES
from eval.correspondence.config import GroupsConfig


def groups(_: GroupsConfig) -> None:
    """Runs the whole command."""
    for group in table.GROUPS:
        print(group.name)
        for title, names in (("images", group.images), ("sounds", group.sounds), ("includes", group.includes)):
            if names:
                print(listed(f"  {title}: ", names))
    for title, left_out, classes in (
        ("classes of images in no group", table.images_without_sound(), IMAGES),
        ("classes of sounds in no group", table.sounds_without_image(), SOUNDS),
    ):
        print(listed(f"{title}, {len(left_out)} of {len(classes)}: ", left_out))
    print(f"groups: {len(table.GROUPS)}")


def listed(title: str, names: Sequence[str]) -> str:
    """A title and names after it, in lines of 100 letters."""
    # Some names hold commas of their own.
    return textwrap.fill("; ".join(names), 100, initial_indent=title, subsequent_indent="    ", break_on_hyphens=False)
