"""A voice of trees: units to frames by questions about their surroundings, and frames to samples by signal processing.

Reference: Black, "CLUSTERGEN: a statistical parametric synthesizer using trajectory modeling", 2006. Differences: units
that were learned from sound take the place of states of phones, and what is asked is about them alone, since there is
no text; trees of a unit are several and random (Geurts, Ernst and Wehenkel, "Extremely randomized trees", 2006).
"""

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import save as save_safetensors

from avnet.errors import DataError
from avnet.files.artifact import WEIGHTS, Draft, Header
from avnet.files.kinds import CLUSTER_GEN
from avnet.synthesizers.cluster_gen.clusters import Clusters
from avnet.synthesizers.source_filter.columns import parameters_of
from avnet.synthesizers.source_filter.synthesis import synthesize
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.synthesizers.units_folder import UnitsFolder


class ClusterVoice(WholeStrings, UnitsFolder):
    """Says unit strings by trees that predict frames, and by pulses and noise through filters."""

    KIND = CLUSTER_GEN

    def __init__(self, clusters: Clusters):
        self.clusters = clusters

    @classmethod
    def of_header(cls, header: Header) -> "ClusterVoice":
        """See `UnitsFolder.of_header`."""
        arrays = header.arrays()
        with header.parsing():
            return cls(Clusters.of(arrays))

    def fill(self, draft: Draft) -> None:
        """See `UnitsFolder.fill`."""
        clusters = self.clusters
        draft.facts = {
            "units": len(clusters.coordinates),
            "known": len(clusters.vocabulary),
            "trees": len(clusters.filter.roots),
            "leaves": len(clusters.filter.mean),
        }
        (draft.folder / WEIGHTS).write_bytes(save_safetensors(clusters.arrays))

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a voice of trees."""
        with header.parsing():
            facts = header.facts
            known = f"{facts['known']:,} of {facts['units']:,} have a sound"
            return {"units": known, "trees": f"{facts['trees']} a unit", "leaves": f"{facts['leaves']:,}"}

    def durations(self, units: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Predicted whole frames of 10 ms of each unit of a string; see `Clusters.durations`."""
        return self.clusters.durations(units)

    def frames(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " same"]
    ) -> Float[np.ndarray, "frames 32"]:
        """What the frames of a string hold; see `Clusters.columns`.

        Args:
            units: of the vocabulary.
            durations: of each, frames of 10 ms, at least 1.

        Raises:
            DataError: there are not as many durations as units, or one is less than 1.
        """
        if len(durations) != len(units) or durations.min(initial=1) < 1:
            raise DataError("durations", f"must be {len(units)} whole numbers of at least 1, one for each unit")
        return self.clusters.columns(units, durations)

    def speak(
        self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: no two neighbours equal; those that were never heard in training are passed over.
            durations: frames of 10 ms of each, or None for predicted ones.

        Returns:
            Mono in [-1, 1] at 16 kHz, 160 samples for each frame; empty where it can say none. The same units give the
            same samples.
        """
        exists = np.isin(units, self.clusters.vocabulary)
        known = np.asarray(units, np.int64)[exists]
        if not len(known):
            return np.zeros(0, np.float32)
        frames = self.durations(known) if durations is None else np.asarray(durations)[exists]
        waveform = synthesize(parameters_of(self.frames(known, frames)))
        # Only what would clip is made quieter.
        return waveform / max(1.0, float(np.abs(waveform).max()))
