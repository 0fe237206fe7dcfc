"""Examples in docstrings become blocks of code on the site: its parser knows the title in the plural alone."""

import re
from typing import Any

import griffe


class Examples(griffe.Extension):
    """Puts `Examples:` in place of `Example:`."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
