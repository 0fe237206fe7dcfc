"""The networks of correspondence by name, and what tells one from another: the registry of the family.

A new network is a file with a class, an entry here, its functions in `avnet.export`, and how it learns in
`train.correspondence.objective`; nothing else asks for a name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

# Those of the papers, with the papers' towers or with backbones.
PaperName = Literal["ave", "avol", "l3"]
NETWORKS: tuple[PaperName, ...] = get_args(PaperName)
# Those that learn from video; zero-shot is put together of two classifiers.
LearnedName = Literal[PaperName, "joint"]
NetworkName = Literal[LearnedName, "zero-shot"]


@dataclass(frozen=True)
class NetworkKind:
    """What a network can do.

    Attributes:
        title: its name as published.
        module: that holds its class.
        class_name: of the class.
        projected: whether two layers project the pooled features of each tower; else they are the embedding.
        one_vector: whether an image has one embedding, and not one for each cell.
        aligned: whether images and sounds lie in one space, in which what belongs together is near.
        heatmaps: whether it tells where in an image a sound comes from.
        contrastive: whether every image of a batch can be compared with every sound of it.
        named: whether it is made of two classifiers, whose classes have names.
        purpose: what it is for, a sentence for model cards.
    """

    title: str
    module: str
    class_name: str
    projected: bool
    one_vector: bool
    aligned: bool
    heatmaps: bool
    contrastive: bool
    purpose: str
    named: bool = False

    @property
    def cells_apart(self) -> bool:
        """Whether heatmaps are made of something else than the embeddings that are searched."""
        return self.heatmaps and self.one_vector


KINDS: dict[NetworkName, NetworkKind] = {
    "ave": NetworkKind(
        title="AVE-Net",
        module="avnet.correspondence.ave",
        class_name="AVENet",
        projected=True,
        one_vector=True,
        aligned=True,
        heatmaps=False,
        contrastive=True,
        purpose="Search images by sounds and sounds by images; tell whether an image and a second of sound correspond.",
    ),
    "avol": NetworkKind(
        title="AVOL-Net",
        module="avnet.correspondence.avol",
        class_name="AVOLNet",
        projected=True,
        one_vector=False,
        aligned=False,
        heatmaps=True,
        contrastive=True,
        purpose="Show where in an image a sound comes from, or that nothing in it makes the sound.",
    ),
    "l3": NetworkKind(
        title="L3-Net",
        module="avnet.correspondence.l3",
        class_name="L3Net",
        projected=False,
        one_vector=True,
        aligned=False,
        heatmaps=False,
        contrastive=False,
        purpose="Features of images and of sounds; tell whether an image and a second of sound correspond.",
    ),
    "joint": NetworkKind(
        title="Joint network",
        module="avnet.correspondence.joint",
        class_name="JointNet",
        projected=True,
        one_vector=True,
        aligned=True,
        heatmaps=True,
        contrastive=True,
        purpose="Search images by sounds and sounds by images; show where in an image a sound comes from, or that "
        "nothing in it makes the sound.",
        named=True,
    ),
    "zero-shot": NetworkKind(
        title="Zero-shot",
        module="avnet.correspondence.zero_shot",
        class_name="ZeroShotNet",
        projected=True,
        one_vector=False,
        aligned=False,
        heatmaps=True,
        contrastive=False,
        purpose="Show where in an image a sound comes from, by the names that two classifiers give to both.",
        named=True,
    ),
}


def models_that(can: Callable[[NetworkKind], bool]) -> str:
    """The models whose networks can do something, by the programs that make them; for refusals.

    The one that comes with avnet is a joint network, which can do all that any other can.
    """
    *programs, last = (f"'train {name}'" for name, kind in KINDS.items() if can(kind))
    return f"base, or a model of {', '.join(programs)} or {last}"
