"""The run's figures: one JSON object a line in `metrics.jsonl`, and TensorBoard events on request."""

import json
from pathlib import Path

from avnet.errors import ConfigError, TrainingError


class MetricsLog:
    """Appends rows; on resume the rows after the checkpoint are dropped, since their steps are done again.

    Use as a context: leaving it closes the files.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool = False, first: bool = True):
        """Opens the files.

        Args:
            folder: of the run.
            step: updates done.
            tensorboard: whether events are written too.
            first: whether this process writes; the others of a run on several machines do not.
        """
        self._out = self._writer = None
        if not first:
            return
        self._file = folder / "metrics.jsonl"
        earlier = []
        if self._file.exists():
            try:
                lines = self._file.read_text().splitlines()
                # A kill may have cut off the last line; its step is done again.
                earlier = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise TrainingError(self._file, f"is damaged ({error}); delete it to go on") from None
        self._file.write_text("".join(line + "\n" for line in earlier))
        self._out = self._file.open("a")
        self._writer = _tensorboard_writer(folder / "tensorboard") if tensorboard else None

    def write(self, step: int, kind: str, values: dict[str, float]) -> None:
        """Appends one row.

        Args:
            step: updates done.
            kind: 'train' or 'validation'.
            values: by name.
        """
        if self._out is None:
            return
        row = {"step": step, "kind": kind, **{k: round(v, 6) for k, v in values.items() if k != "step"}}
        self._out.write(json.dumps(row) + "\n")
        # For those who follow the run, and so that a kill takes at most one row.
        self._out.flush()
        if self._writer is not None:
            for name, value in row.items():
                if name not in ("step", "kind"):
                    self._writer.add_scalar(f"{kind}/{name}", value, step)

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(self, *_) -> None:
        if self._out is not None:
            self._out.close()
        if self._writer is not None:
            self._writer.close()


def _tensorboard_writer(folder: Path):
    try:
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError("--tensorboard", "needs the extra: pip install 'avnet[tensorboard]'") from None
    return SummaryWriter(str(folder))
