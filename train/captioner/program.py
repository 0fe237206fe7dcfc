"""`python -m train describer`: from pictures to unit strings, with the recordings of a spoken corpus as memory."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from flax import nnx

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.search import Guards
from avnet.describer.familiarity import Familiarity
from avnet.describer.folder import (
    SPACE,
    UNITS,
    VOICE,
    DescriberParts,
    RetrievalMemory,
    build_captioner,
    write_describer,
)
from avnet.errors import ConfigError, TrainingError
from avnet.speech_space.space import SpeechSpace, read_space
from avnet.synthesizers.voice_folder import write_voice
from avnet.units.strings import Strings
from data.spoken.cache import kept
from data.spoken.grids import grids_of, pooled_of
from data.spoken.packed import SpokenCorpus, open_corpus
from data.spoken.strings import digest, encoded, uncollapsed
from train.captioner.retrieval import Retrieved, confidence_of, retrieve
from train.engine.fit import Fit, schedule_of
from train.engine.run_folder import refuse_foreign
from train.speech_space.program import embed_recordings
from train.units.pieces import encode_pieces, learn_pieces

MODEL = "model"
# Pieces of strings whose units have no lexicon.
PIECES = 2000
# Lengths of the strings of a batch are padded to a multiple of this, so that few are compiled.
BLOCK = 16
SORTED = 16
VALIDATION_BATCHES = 8


@dataclass(frozen=True)
class DescribeTrainConfig:
    """Learn to describe pictures in speech units, from a spoken corpus and a shared space, without any text.

    OUT/model is all that `avnet describe` needs: the describer, the space, the units and the voice of the corpus.

    Example: python -m train describer corpus --space runs/speech/model --units units --out runs/describer
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    space: Path
    """Model of `python -m train speech`."""
    units: Path
    """Folder of `python -m train units`, a space with grounded units, or the strings of `python -m eval words`."""
    out: Path
    """Folder of the run."""
    kind: Literal["recurrent", "transformer"] = "recurrent"
    """Network: recurrent with attention for a CPU, Transformer for a GPU."""
    pieces: int | None = None
    """Runs of units from which descriptions are put together: by default those of the units' lexicon, or 2,000 where
    they have none; 0 for single units."""
    retrieved: int = 4
    """Descriptions of similar pictures that are shown; 0 for none."""
    candidates: int = 8
    """Descriptions from which those are drawn in training, so that none is relied on."""
    forget: float = 0.2
    """Share of training examples for which nothing is retrieved."""
    copying: bool = True
    """Whether pieces may be copied from them."""
    collapse: bool = True
    """Whether runs of one unit are one; for the ablation."""
    steps: int = 4000
    """Updates."""
    batch_size: int = 64
    """Descriptions."""
    learning_rate: float = 1e-3
    """Peak, of Adam."""
    validate_every: int = 400
    """Updates between validations."""
    seed: int = 0
    """Of everything."""

    def __post_init__(self):
        for name in ("steps", "validate_every", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 1, got {getattr(self, name)}")
        if self.learning_rate <= 0 or self.seed < 0 or (self.pieces or 0) < 0:
            raise ConfigError("--learning-rate, --seed, --pieces", "want more than 0, at least 0 and at least 0")
        if not 0 <= self.retrieved <= self.candidates <= 64 or not 0 <= self.forget <= 1:
            raise ConfigError("--retrieved, --candidates, --forget", "want 0 to --candidates, up to 64, and a share")


class CaptionerState(NamedTuple):
    """All that an update changes."""

    params: nnx.State
    optimizer: optax.OptState


def describer(config: DescribeTrainConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus, the space or the units cannot be used.
        TrainingError, Stopped: as in `train.engine.fit.Fit.run`.
    """
    refuse_foreign(config.out)
    corpus, space = open_corpus(config.corpus), read_space(config.space)
    spoken = encoded(corpus, config.units)
    strings, units = spoken.strings, spoken.units
    if not config.collapse and units is not None:
        strings = uncollapsed(strings, units.frames_per_step)
    said = corpus.recordings_in("train")
    lexicon = None if units is None else units.lexicon
    if config.pieces is None and config.collapse and lexicon is not None:
        pieces, prices = lexicon.pieces, lexicon.prices
    else:
        count = PIECES if config.pieces is None else config.pieces
        pieces, prices = learn_pieces([strings[i].units for i in said], spoken.count, count), None
    rows = encode_pieces(strings, pieces, prices)
    examples = Examples(config, corpus, space, rows, len(pieces))
    sizes = {"pieces": len(pieces), "image_features": space.image_tower.features, "retrieved": config.retrieved}
    network = build_captioner(
        CaptionerConfig.preset(config.kind, **sizes, copying=config.copying, longest=examples.longest),
        rngs=nnx.Rngs(config.seed),
    )
    state, update, measure, graph = create(config, network)
    parts = partial(
        DescriberParts,
        pieces=pieces,
        guards=guards_of(strings, said, collapsed=config.collapse and units is not None),
        memory=memory_of(corpus, examples.embeddings, rows, said, network.config),
        familiarity=Familiarity.of(
            examples.pooled[corpus.pictures_in("train")], examples.pooled[corpus.pictures_in("validation")]
        ),
        confidence=confidence_of(corpus, examples.image_embeddings, examples.embeddings),
        names=corpus.names,
    )
    voice = config.out / "voice"
    listed = examples.validation()

    def validate(state: CaptionerState) -> dict[str, float]:
        total = [measure(state.params, examples.batch(part)) for part in listed]
        return {"log_probability": float(np.mean([float(value) for value in total]))}

    folders = {SPACE: config.space, UNITS: config.units} | ({VOICE: voice} if units is not None else {})

    def keep(state: CaptionerState, row: dict[str, float]) -> None:
        if units is not None and not voice.exists():
            write_voice(voice, corpus.recordings, strings, said, units)
        kept = parts(network=nnx.merge(graph, state.params, copy=True), validation=row)
        write_describer(config.out / MODEL, kept, folders)

    plan = {k: v for k, v in asdict(config).items() if k not in ("out", "corpus", "space", "units")}
    plan |= {"corpus": digest(corpus), "space": space.fingerprint, "units": spoken.fingerprint}
    fit = Fit(config.out, plan, config.steps, config.validate_every, "log_probability")
    fit.run(state, update, examples.at, validate, keep)
    return config.out / MODEL


def guards_of(strings: Strings, said: np.ndarray, *, collapsed: bool) -> Guards:
    """Descriptions may be half as long again as all but the longest twentieth."""
    return Guards(longest=max(8, round(1.5 * float(np.percentile(strings.lengths[said], 95)))), collapsed=collapsed)


def memory_of(
    corpus: SpokenCorpus, embeddings: np.ndarray, encoded: list[np.ndarray], said: np.ndarray, config: CaptionerConfig
) -> RetrievalMemory:
    """The training recordings as what can be retrieved."""
    rows = padded([encoded[i] for i in said], config.retrieved_length, config.padding)
    return RetrievalMemory(embeddings[said], rows, corpus.picture_of[said])


class Examples:
    """Descriptions with their pictures and what is retrieved for them; each batch is a function of its step."""

    def __init__(
        self,
        config: DescribeTrainConfig,
        corpus: SpokenCorpus,
        space: SpeechSpace,
        encoded: list[np.ndarray],
        pieces: int,
    ):
        self.config, self.corpus, self.encoded = config, corpus, encoded
        self.end, self.padding = pieces, pieces + 1
        self.grids = grids_of(corpus, space.image_tower)
        self.pooled = pooled_of(corpus, space.image_tower)
        self.image_embeddings = space.embed_grids(self.pooled[:, None, None])
        self.embeddings = embeddings_of(corpus, space)
        memory = corpus.recordings_in("train")
        self.found = retrieve(corpus, self.image_embeddings, self.embeddings, memory, config.candidates)
        lengths = np.array([len(row) for row in encoded])
        # The longest hundredth is not learned from: it would stretch every batch that it is in.
        limit = int(np.percentile(lengths[memory], 99))
        self.longest = -(-round(1.5 * limit) // BLOCK) * BLOCK
        self.listed = memory[(lengths[memory] > 0) & (lengths[memory] <= limit)]
        self.lengths = lengths
        if len(self.listed) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.listed)} training recordings; lower --batch-size")
        self.per_epoch = len(self.listed) // config.batch_size
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            rng = np.random.default_rng((self.config.seed, epoch))
            self._epoch = (epoch, self._sorted(rng.permutation(self.listed), rng))
        return self.batch(self._epoch[1][number], np.random.default_rng((self.config.seed, 1, step)))

    def validation(self) -> list[np.ndarray]:
        """Batches of held-out descriptions."""
        listed = self.corpus.recordings_in("validation")
        listed = listed[(self.lengths[listed] > 0) & (self.lengths[listed] < self.longest)]
        if not len(listed):
            raise TrainingError(self.corpus.folder, "has no validation recording with speech")
        chosen = np.random.default_rng(0).permutation(listed)
        size = min(self.config.batch_size, len(chosen))
        parts = [chosen[i : i + size] for i in range(0, len(chosen) - size + 1, size)]
        return parts[:VALIDATION_BATCHES]

    def batch(self, recordings: np.ndarray, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
        """What one update sees.

        Args:
            recordings: whose strings are to be said.
            rng: draws what is retrieved; without one it is the nearest.
        """
        pictures = self.corpus.picture_of[recordings]
        shown, similarity = self._shown(pictures, rng)
        longest = max(len(self.encoded[i]) for i in recordings) + 1
        length = -(-longest // BLOCK) * BLOCK
        wanted = padded([np.append(self.encoded[i], self.end) for i in recordings], length, self.padding)
        said = np.concatenate([np.full((len(wanted), 1), self.end, np.int32), wanted[:, :-1]], axis=1)
        return {
            "grids": self.grids[pictures],
            "retrieved": shown,
            "similarity": similarity,
            "said": said,
            "wanted": wanted,
        }

    def _shown(self, pictures: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Pieces [batch, descriptions, length] and similarity [batch, descriptions]."""
        count, length = self.config.retrieved, CaptionerConfig.retrieved_length
        shown = np.full((len(pictures), count, length), self.padding, np.int32)
        similarity = np.zeros((len(pictures), count), np.float32)
        for row, picture in enumerate(pictures):
            if count == 0 or (rng is not None and rng.random() < self.config.forget):
                continue
            total = self.config.candidates
            chosen = np.arange(count) if rng is None else np.sort(rng.choice(total, count, replace=False))
            found: Retrieved = self.found
            shown[row] = padded([self.encoded[i] for i in found.recordings[picture, chosen]], length, self.padding)
            similarity[row] = found.similarity[picture, chosen]
        return shown, similarity

    def _sorted(self, order: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        size, batches = self.config.batch_size, []
        order = order[: self.per_epoch * size]
        for start in range(0, len(order), SORTED * size):
            part = order[start : start + SORTED * size]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        return [batches[i] for i in rng.permutation(len(batches))]


def embeddings_of(corpus: SpokenCorpus, space: SpeechSpace) -> np.ndarray:
    """Unit embeddings of all recordings, float32; kept beside the corpus."""
    count = len(corpus.recordings)
    shape = (count, space.embedding_size)
    name = f"speech-{space.fingerprint[:16]}.npy"
    found = kept(corpus, name, shape, np.float16, lambda: [embed_recordings(corpus, space, np.arange(count))])
    return found.astype(np.float32)


def padded(rows: list[np.ndarray], length: int, padding: int) -> np.ndarray:
    """int32 [rows, length]; what is longer is cut."""
    found = np.full((len(rows), length), padding, np.int32)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values[:length]
    return found


def create(config: DescribeTrainConfig, network: Captioner) -> tuple[CaptionerState, Any, Any, nnx.GraphDef]:
    """The state before the first step, the jitted update and measure, and the graph for evaluation."""
    schedule = schedule_of(config.learning_rate, config.steps)
    optimizer = optax.chain(optax.clip_by_global_norm(2.0), optax.adamw(schedule, weight_decay=1e-4))
    network.train()
    graph, params = nnx.split(network)
    network.eval()
    eval_graph, _ = nnx.split(network)

    def loss_fn(params, batch, key):
        model = nnx.merge(graph, params)
        log_p, attention, mask = predict(model, batch, nnx.Rngs(dropout=key))
        # Show, Attend and Tell, section 4.2.1: over the whole description each cell is looked at about equally.
        looked = (attention * mask[..., None]).sum(axis=1) * attention.shape[-1] / mask.sum(axis=1, keepdims=True)
        likelihood = -(log_p * mask).sum() / mask.sum()
        return likelihood + 0.01 * jnp.square(1.0 - looked).mean(), likelihood

    @partial(jax.jit, donate_argnums=0)
    def update(state: CaptionerState, batch, step):
        key = jax.random.fold_in(jax.random.key(config.seed), step)
        (_, likelihood), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params, batch, key)
        changes, optimizer_state = optimizer.update(grads, state.optimizer, state.params)
        params = cast(nnx.State, optax.apply_updates(state.params, changes))
        return CaptionerState(params, optimizer_state), {"loss": likelihood, "norm": optax.tree.norm(grads)}

    @jax.jit
    def measure(params, batch):
        log_p, _, mask = predict(nnx.merge(eval_graph, params), batch, None)
        return (log_p * mask).sum() / mask.sum()

    return CaptionerState(params, optimizer.init(params)), update, measure, eval_graph


def predict(model: Captioner, batch: dict[str, Any], rngs: nnx.Rngs | None):
    """Log-probabilities of the wanted pieces, the attention to the cells, and which places count."""
    encoded = model.encode(batch["grids"].astype(jnp.float32), batch["retrieved"], batch["similarity"], rngs)
    output, _ = model(encoded, model.begin(encoded), batch["said"], rngs)
    wanted = batch["wanted"]
    return output.log_probability(encoded, wanted), output.attention, wanted != model.config.padding
