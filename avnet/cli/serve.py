"""`avnet serve`: the page, on this machine."""

from dataclasses import dataclass
from importlib.util import find_spec

from avnet.cli.model_argument import ModelFirst, ModelOption
from avnet.errors import ConfigError
from avnet.media.sandbox.limits import Limits
from avnet.program.progress import show_progress
from avnet.web.config import WebOptions
from avnet.zoo.reference import BASE, locate

EXTRA = ("fastapi", "uvicorn")


@dataclass(frozen=True, kw_only=True)
class ServeConfig(ModelFirst, WebOptions):
    """Serve a page on this machine: drop a video, an image or a sound, and see, hear, search, be told.

    Prints the address to open. Nothing is fetched from the internet, and what visitors send is kept in a private folder
    until it expires or the server ends (Ctrl-C).

    Example: avnet serve --index index
    """

    places = 0

    model: ModelOption = BASE
    """Model for heatmaps, search and tags: a folder, a name, or hf://user/model. It may stand first."""
    memory_mb: int = 1536
    """Greatest memory in MB that decoding one file may take."""

    def __post_init__(self):
        super().__post_init__()
        Limits(memory_mb=self.memory_mb)


def run(config: ServeConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the extra is not installed; the model, the index, the describer or the address cannot be used.
    """
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise ConfigError("avnet serve", f"needs {' and '.join(missing)}: pip install 'avnet[web]'")
    from avnet.web.server import serve  # here, since it needs the extra

    with show_progress() as on_event:
        model = locate(config.model, on_event)
        describer = None if config.describer is None else locate(config.describer, on_event)
    serve(config, model, describer, config.memory_mb)
