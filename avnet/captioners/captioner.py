"""What both kinds of describers are to their search and their training."""

from typing import Any

from flax import nnx
from jaxtyping import Array, Int

from avnet.captioners.config import DescriberConfig
from avnet.captioners.memory import Memory, Predicted, Reader


class Describer(nnx.Module):
    """A network that says the next piece of a description.

    Attributes:
        config: its kind and sizes.
        embedding: of the pieces.
        reader: makes the memory that it looks at.
    """

    config: DescriberConfig
    embedding: nnx.Embed
    reader: Reader

    def begin(self, memory: Memory) -> Any:
        """The state before the first piece, a tuple of arrays of the network's own."""
        raise NotImplementedError

    def __call__(
        self, memory: Memory, state: Any, pieces: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Predicted, Any]:
        """Predicts what follows each of the pieces.

        Args:
            memory: of the pictures.
            state: after what was said before.
            pieces: said now, the end symbol before the first.
            rngs: of dropout, in training.
        """
        raise NotImplementedError
