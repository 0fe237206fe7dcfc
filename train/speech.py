"""`python -m train speech`: pictures and their spoken descriptions into one space, without any text."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from flax import nnx

from avnet import backbone as backbones
from avnet.cli.progress import progress
from avnet.errors import ConfigError, TrainingError
from avnet.losses import contrastive_loss
from avnet.speech.space import SpaceConfig, SpeechSpace, log_mel, padded_pcm
from avnet.speech.space_folder import read_space, write_space
from avnet.speech.tower import SpeechTowerConfig
from data.augment import AugmentConfig, augment_spectrograms
from data.spoken.grids import pooled_of
from data.spoken.packed import SpokenCorpus, open_corpus
from train.fit import Fit, schedule_of

MODEL = "model"
# Batches whose recordings are sorted by length together, so that little is padded.
SORTED = 8
VALIDATION_RECORDINGS = 1000


@dataclass(frozen=True)
class SpeechConfig:
    """Learn a space in which a picture lies near what people say of it, from a spoken corpus.

    With --codes the tower's vectors after --stage are quantised: these are the grounded units. Begin with a run without
    them and pass its model as --init-from.

    Example: python -m train speech corpus --image backbone --out runs/speech
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    image: Path
    """Image tower: a folder of `python -m train imagenet`, or the model folder of a trained AVE-Net or AVOL-Net."""
    out: Path
    """Folder of the run; the best model on validation is OUT/model."""
    preset: Literal["small", "paper"] = "small"
    """Sizes of the speech tower: for a CPU, or ResDAVEnet's."""
    init_from: Path | None = None
    """Model to start from."""
    codes: int = 0
    """Codes of the quantised layer; 0 for none."""
    stage: int = 2
    """Stage whose vectors are quantised, one every 2 ** stage frames of 10 ms."""
    steps: int = 1200
    """Updates."""
    batch_size: int = 128
    """Pictures with a recording each."""
    learning_rate: float = 1e-3
    """Peak, of Adam."""
    validate_every: int = 150
    """Updates between validations."""
    seed: int = 0
    """Of everything."""

    def __post_init__(self):
        for name in ("steps", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 1, got {getattr(self, name)}")
        if self.batch_size < 2 or self.learning_rate <= 0 or self.seed < 0:
            raise ConfigError("--batch-size, --learning-rate, --seed", "want at least 2, more than 0 and at least 0")
        if self.codes and not (2 <= self.codes <= 65_536 and 1 <= self.stage <= 8):
            raise ConfigError("--codes, --stage", f"want 2 to 65536 and 1 to 8, got {self.codes} and {self.stage}")
        if self.codes and self.init_from is None:
            raise ConfigError("--codes", "wants --init-from: a quantiser learns little in a tower that knows nothing")


class SpeechState(NamedTuple):
    """All that an update changes."""

    params: nnx.State
    stats: nnx.State
    optimizer: optax.OptState


def speech(config: SpeechConfig) -> Path:
    """Runs, or resumes, the training.

    Returns:
        The model folder, `config.out / "model"`.

    Raises:
        DataError, ModelFolderError: the corpus or a model cannot be used.
        TrainingError, Stopped: as in `train.fit.Fit.run`.
    """
    corpus, tower = open_corpus(config.corpus), backbones.read_backbone(config.image)
    pooled = pooled_of(corpus, tower)
    network = begin(config, pooled.shape[-1], corpus)
    batches = SpeechBatches(corpus, pooled, config)
    state, update, graph = create(config, network)
    listed = held_out(corpus)

    def validate(state: SpeechState) -> dict[str, float]:
        network = nnx.merge(graph, state.params, state.stats)
        return recalls(corpus, pooled, network, listed)

    def keep(state: SpeechState, row: dict[str, float]) -> None:
        network = nnx.merge(graph, state.params, state.stats, copy=True)
        write_space(config.out / MODEL, network, tower, row)

    plan = {k: v for k, v in asdict(config).items() if k not in ("out", "corpus", "image", "init_from")}
    Fit(config.out, {**plan, "image": tower.fingerprint}, config.steps, config.validate_every, "reciprocal_rank").run(
        state, update, batches.at, validate, keep
    )
    return config.out / MODEL


def begin(config: SpeechConfig, image_features: int, corpus: SpokenCorpus) -> SpeechSpace:
    """The network before the first step: fresh, or another's weights and codes placed among its vectors."""
    tower = SpeechTowerConfig.small() if config.preset == "small" else SpeechTowerConfig.paper()
    fresh = SpaceConfig(image_features=image_features, tower=tower)
    if config.init_from is None:
        return SpeechSpace(fresh, rngs=nnx.Rngs(config.seed))
    warm = read_space(config.init_from).network
    if warm.config.image_features != image_features:
        raise TrainingError(config.init_from, "was trained with another image tower")
    if not config.codes:
        return warm
    tower = replace(warm.config.tower, quantized_stage=config.stage, codes=config.codes)
    network = SpeechSpace(replace(warm.config, tower=tower), rngs=nnx.Rngs(config.seed))
    nnx.update(network, nnx.state(warm))
    place_codes(network, warm, corpus, config)
    return network


def place_codes(network: SpeechSpace, warm: SpeechSpace, corpus: SpokenCorpus, config: SpeechConfig) -> None:
    """The codes begin at the centres of k-means over the vectors that they will stand for."""
    from sklearn.cluster import MiniBatchKMeans

    warm.eval()
    chosen = np.random.default_rng(config.seed).permutation(corpus.recordings_in("train"))[:1024]
    vectors = []
    for part in np.array_split(np.sort(chosen), max(1, len(chosen) // 64)):
        pcm, frames = padded_pcm([corpus.recordings.pcm(i) for i in part], warm.config.limit_s)
        x, steps = warm.tower.before_quantizer(log_mel(jnp.asarray(pcm)), jnp.asarray(frames), config.stage)
        vectors += [row[:n] for row, n in zip(np.asarray(x), np.asarray(steps), strict=True)]
    means: Any = MiniBatchKMeans(config.codes, random_state=config.seed, batch_size=4096, n_init=cast(Any, 1))
    means.fit(np.concatenate(vectors))
    quantizer = network.tower.quantizer
    assert quantizer is not None
    quantizer.codes[...] = jnp.asarray(means.cluster_centers_, jnp.float32)
    quantizer.counts[...] = jnp.ones(config.codes)


class SpeechBatches:
    """Every epoch shows each training picture once, with one of its recordings; a batch is a function of its step."""

    def __init__(self, corpus: SpokenCorpus, pooled: np.ndarray, config: SpeechConfig):
        self.corpus, self.pooled, self.config = corpus, pooled, config
        # Not `pictures_in`: a picture may have lost all its recordings when the corpus was packed.
        self.pictures = np.unique(corpus.picture_of[corpus.recordings_in("train")])
        if len(self.pictures) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.pictures)} training pictures; lower --batch-size")
        self.of_picture = {int(p): np.flatnonzero(corpus.picture_of == p) for p in self.pictures}
        self.per_epoch = len(self.pictures) // config.batch_size
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step: pcm, frames, pooled."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._order(epoch))
        chosen = self._epoch[1][number]
        pcm, frames = padded_pcm([self.corpus.recordings.pcm(i) for i in chosen], SpaceConfig.limit_s)
        return {"pcm": pcm, "frames": frames, "pooled": self.pooled[self.corpus.picture_of[chosen]]}

    def _order(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self.config.seed, epoch))
        chosen = np.array([rng.choice(self.of_picture[int(p)]) for p in rng.permutation(self.pictures)])
        lengths, size = self.corpus.recordings.lengths, self.config.batch_size
        batches = []
        for start in range(0, self.per_epoch * size, SORTED * size):
            part = chosen[start : min(start + SORTED * size, self.per_epoch * size)]
            part = part[np.argsort(lengths[part], kind="stable")]
            batches += [part[i : i + size] for i in range(0, len(part), size)]
        return [batches[i] for i in rng.permutation(len(batches))]


def create(config: SpeechConfig, network: SpeechSpace) -> tuple[SpeechState, Any, nnx.GraphDef]:
    """The state before the first step, the jitted update, and the network's graph for evaluation."""
    optimizer = optax.adamw(schedule_of(config.learning_rate, config.steps), weight_decay=1e-4)
    augment = AugmentConfig(frequency_mask=0.15, time_mask=0.1)
    network.train()
    graph, params, stats = nnx.split(network, nnx.Param, ...)
    network.eval()
    eval_graph, _, _ = nnx.split(network, nnx.Param, ...)

    def loss_fn(params, stats, batch, key):
        model = nnx.merge(graph, params, stats, copy=True)
        mask_key, dropout_key = jax.random.split(key)
        heard = augment_spectrograms(mask_key, log_mel(batch["pcm"]).swapaxes(1, 2)[..., None], augment)
        speech, found = model.hear(heard[..., 0].swapaxes(1, 2), batch["frames"])
        images = model.encode_images(batch["pooled"][:, None, None, :], nnx.Rngs(dropout=dropout_key))
        scores = model.score_matrix(images, speech)
        accuracy = (scores.argmax(axis=1) == jnp.arange(len(scores))).mean()
        contrast = contrastive_loss(scores, jnp.eye(len(scores), dtype=bool)).mean()
        return contrast + found.commitment, (nnx.split(model, nnx.Param, ...)[2], accuracy, found.commitment)

    @partial(jax.jit, donate_argnums=0)
    def update(state: SpeechState, batch, step):
        key = jax.random.fold_in(jax.random.key(config.seed), step)
        grad = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, (stats, accuracy, commitment)), grads = grad(state.params, state.stats, batch, key)
        changes, optimizer_state = optimizer.update(grads, state.optimizer, state.params)
        params = cast(nnx.State, optax.apply_updates(state.params, changes))
        return SpeechState(params, stats, optimizer_state), {
            "loss": loss,
            "accuracy": accuracy,
            "commitment": commitment,
        }

    return SpeechState(params, stats, optimizer.init(params)), update, eval_graph


def held_out(corpus: SpokenCorpus) -> np.ndarray:
    """Validation recordings to be measured with: at most one thousand, the first of each picture before the second."""
    listed = corpus.recordings_in("validation")
    _, first = np.unique(corpus.picture_of[listed], return_index=True)
    rest = np.setdiff1d(np.arange(len(listed)), first)
    return np.sort(listed[np.concatenate([first, rest])[:VALIDATION_RECORDINGS]])


def recalls(corpus: SpokenCorpus, pooled: np.ndarray, network: SpeechSpace, listed: np.ndarray) -> dict[str, float]:
    """Recall of each recording's own picture among all pictures of the listed recordings."""
    pictures, own = np.unique(corpus.picture_of[listed], return_inverse=True)
    network.eval()
    images = np.asarray(network.encode_images(jnp.asarray(pooled[pictures])[:, None, None, :]))
    similarity = embed_recordings(corpus, network, listed) @ images.T
    # Others that are as near as the own picture count as nearer: a space that tells nothing apart finds nothing.
    rank = (similarity >= similarity[np.arange(len(listed)), own][:, None]).sum(axis=1) - 1
    found = {f"recall@{k}": float((rank < k).mean()) for k in (1, 5, 10)}
    found["reciprocal_rank"] = float((1 / (rank + 1)).mean())
    return {**found, "pictures": float(len(pictures)), "median_rank": float(np.median(rank)) + 1.0}


def embed_recordings(corpus: SpokenCorpus, network: SpeechSpace, listed: np.ndarray) -> np.ndarray:
    """Unit embeddings of recordings, float32 [n, embedding]."""
    network.eval()
    graph, state = nnx.split(network)
    encode = jax.jit(lambda state, pcm, frames: nnx.merge(graph, state).encode_speech(log_mel(pcm), frames))
    order = np.argsort(corpus.recordings.lengths[listed], kind="stable")
    found = np.zeros((len(listed), network.config.embedding_size), np.float32)
    size = 64
    starts = range(0, len(listed), size)
    for start in progress(starts, "embedding", len(starts), "batches"):
        part = order[start : start + size]
        rows = [corpus.recordings.pcm(listed[i]) for i in part]
        pcm, frames = padded_pcm(rows + [rows[0]] * (size - len(rows)), network.config.limit_s)
        found[part] = np.asarray(encode(state, pcm, frames))[: len(part)]
    return found
