"""Checkpoints of a run by Orbax: the state, the data position and the best validation so far, whole or not at all."""

import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import orbax.checkpoint as ocp

from avnet.errors import TrainingError

# A tree of arrays.
State = TypeVar("State")


class Checkpoints:
    """The last two checkpoints of a run; use as a context."""

    def __init__(self, folder: Path):
        self._folder = folder
        # Two, so that one is whole while the other is written.
        options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False, create=True)
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_) -> None:
        self._manager.close()

    def save(self, step: int, state: Any, progress: dict[str, Any]) -> None:
        """Writes a checkpoint; a kill at any moment leaves either it or the one before.

        Args:
            step: updates done.
            state: after them, a tree of arrays.
            progress: plain values: data position, best validation.
        """
        # The last step is often one at which a checkpoint was due anyway, and Orbax writes none twice.
        if step in self._manager.all_steps():
            return
        arguments = ocp.args.Composite(
            state=ocp.args.StandardSave(_plain(state)),
            progress=ocp.args.JsonSave(json.loads(json.dumps(progress))),
        )
        self._manager.save(step, args=arguments)

    def restore(self, state: State) -> tuple[int, State, dict[str, Any]] | None:
        """The latest checkpoint as (step, state, progress), or None where there is none.

        Args:
            state: fresh, for the shapes.

        Raises:
            TrainingError: the checkpoint is of another network or damaged.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        leaves, structure = jax.tree.flatten(state)
        arguments = ocp.args.Composite(state=ocp.args.StandardRestore(_plain(state)), progress=ocp.args.JsonRestore())
        try:
            contents = self._manager.restore(step, args=arguments)
        except Exception as error:  # the readers below raise many kinds; each means that it is damaged or another's
            raise TrainingError(self._folder, f"checkpoint {step} cannot be restored ({error})") from None
        plain = contents["state"]
        arrays = [plain[str(i)] for i in range(len(leaves))]
        return step, jax.tree.unflatten(structure, arrays), contents["progress"]


def has_checkpoint(folder: Path) -> bool:
    """Whether a whole checkpoint lies there; one that a kill left unfinished has a longer name."""
    return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())


def _plain(state: Any) -> dict[str, Any]:
    """Leaves by position: the tree's own types come from the code, only arrays lie in the file."""
    return {str(i): leaf for i, leaf in enumerate(jax.tree.leaves(state))}
