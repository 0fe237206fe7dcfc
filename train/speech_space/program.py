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
from jaxtyping import Array

from avnet.backbones.backbone import Backbone
from avnet.backbones.image.inverted_residual import Trunk
from avnet.backbones.tower import Tower
from avnet.config import ModelConfig
from avnet.correspondence.losses import contrastive_loss
from avnet.errors import ConfigError, TrainingError
from avnet.program.progress import progress
from avnet.speech_space.network import SpaceConfig, SpaceNetwork, log_mel, padded_pcm
from avnet.speech_space.space import SpeechSpace, read_space, write_space
from avnet.speech_space.tower import SpeechTowerConfig
from data.records.augment import AugmentConfig, augment_spectrograms
from data.spoken.grids import pooled_of, squares_of
from data.spoken.packed import SpokenCorpus, open_corpus
from data.spoken.strings import digest
from train.engine.fit import Fit, schedule_of
from train.engine.run_folder import refuse_foreign

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
    out: Path
    """Folder of the run; the best model on validation is OUT/model."""
    image: Path | None = None
    """Image tower: a folder of `python -m train imagenet`, or a trained AVE-Net, AVOL-Net or L3-Net; without one that
    of --init-from, else a fresh one."""
    tune_image: bool = False
    """Train the image tower along; a fresh one always is."""
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
        TrainingError, Stopped: as in `train.engine.fit.Fit.run`.
    """
    refuse_foreign(config.out)
    corpus = open_corpus(config.corpus)
    warm = None if config.init_from is None else read_space(config.init_from)
    tower, tuned = image_tower(config, warm)
    network = Pairing(begin(config, tower, corpus, warm), tower.network if tuned else None)
    images = squares_of(corpus, tower.image_size) if tuned else pooled_of(corpus, tower)
    batches = SpeechBatches(corpus, images, config)
    state, update, graph = create(config, network)
    listed = held_out(corpus)

    def validate(state: SpeechState) -> dict[str, float]:
        network = nnx.merge(graph, state.params, state.stats)
        pictures, own = np.unique(corpus.picture_of[listed], return_inverse=True)
        seen = images[pictures]
        if network.tower is not None:
            seen = Backbone(network.tower, tower.image_size).grids(seen).mean(axis=(1, 2))
        return recalls(corpus, seen, own, SpeechSpace(network.space, tower), listed)

    def keep(state: SpeechState, row: dict[str, float]) -> None:
        network = nnx.merge(graph, state.params, state.stats, copy=True)
        kept = tower if network.tower is None else Backbone(network.tower, tower.image_size)
        write_space(config.out / MODEL, network.space, kept, row)

    begun = None if warm is None else warm.fingerprint
    plan = {k: v for k, v in asdict(config).items() if k not in ("out", "corpus", "image", "init_from")}
    plan |= {"corpus": digest(corpus), "image": tower.fingerprint, "init_from": begun, "tune_image": tuned}
    Fit(config.out, plan, config.steps, config.validate_every, "reciprocal_rank").run(
        state, update, batches.at, validate, keep
    )
    return config.out / MODEL


def image_tower(config: SpeechConfig, warm: SpeechSpace | None) -> tuple[Backbone, bool]:
    """The image tower at the beginning, and whether it is trained along."""
    if config.image is not None:
        return Backbone.load(config.image), config.tune_image
    if warm is not None:
        return warm.image_tower, config.tune_image
    sizes = ModelConfig.preset("ave", config.preset)
    return Backbone(Tower(3, sizes.widths, rngs=nnx.Rngs(config.seed)), sizes.image_size), True


class Pairing(nnx.Module):
    """The space and, where it is trained along, the image tower below it."""

    def __init__(self, space: SpaceNetwork, tower: Trunk | Tower | None):
        self.space, self.tower = space, tower

    def embed_images(self, images: Array, rngs: nnx.Rngs) -> Array:
        """Embeddings of pictures, uint8, or of their pooled features."""
        if self.tower is None:
            return self.space.embed_grids(images[:, None, None, :], rngs)
        return self.space.embed_grids(self.tower(images.astype(jnp.float32) / 255.0), rngs)


def begin(config: SpeechConfig, image: Backbone, corpus: SpokenCorpus, begun: SpeechSpace | None) -> SpaceNetwork:
    """The network before the first step: fresh, or another's weights and codes placed among its vectors."""
    tower = SpeechTowerConfig.small() if config.preset == "small" else SpeechTowerConfig.paper()
    fresh = SpaceConfig(image_features=image.features, tower=tower)
    if begun is None or config.init_from is None:
        return SpaceNetwork(fresh, rngs=nnx.Rngs(config.seed))
    warm, same = begun.network, begun.image_tower.fingerprint == image.fingerprint
    if warm.config.image_features != image.features or not (same or config.tune_image):
        raise TrainingError(config.init_from, "was trained with another image tower")
    if not config.codes:
        return warm
    tower = replace(warm.config.tower, quantized_stage=config.stage, codes=config.codes)
    network = SpaceNetwork(replace(warm.config, tower=tower), rngs=nnx.Rngs(config.seed))
    nnx.update(network, nnx.state(warm))
    place_codes(network, warm, corpus, config)
    return network


def place_codes(network: SpaceNetwork, warm: SpaceNetwork, corpus: SpokenCorpus, config: SpeechConfig) -> None:
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

    def __init__(self, corpus: SpokenCorpus, images: np.ndarray, config: SpeechConfig):
        self.corpus, self.images, self.config = corpus, images, config
        # Not `pictures_in`: a picture may have lost all its recordings when the corpus was packed.
        self.pictures = np.unique(corpus.picture_of[corpus.recordings_in("train")])
        if len(self.pictures) < config.batch_size:
            raise TrainingError(corpus.folder, f"has {len(self.pictures)} training pictures; lower --batch-size")
        self.of_picture = {int(p): np.flatnonzero(corpus.picture_of == p) for p in self.pictures}
        self.per_epoch = len(self.pictures) // config.batch_size
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def at(self, step: int) -> dict[str, np.ndarray]:
        """The batch of a step: pcm, frames, and pictures (half of them mirrored) or their pooled features."""
        epoch, number = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._order(epoch))
        chosen = self._epoch[1][number]
        pcm, frames = padded_pcm([self.corpus.recordings.pcm(i) for i in chosen], SpaceConfig.limit_s)
        images = self.images[self.corpus.picture_of[chosen]]
        if images.ndim == 4:
            mirrored = np.random.default_rng((self.config.seed, 1, step)).random(len(images)) < 0.5
            images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
        return {"pcm": pcm, "frames": frames, "images": images}

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


def create(config: SpeechConfig, network: Pairing) -> tuple[SpeechState, Any, nnx.GraphDef]:
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
        speech, features = model.space.embed_speech(heard[..., 0].swapaxes(1, 2), batch["frames"])
        scores = model.space.score_matrix(model.embed_images(batch["images"], nnx.Rngs(dropout=dropout_key)), speech)
        accuracy = (scores.argmax(axis=1) == jnp.arange(len(scores))).mean()
        contrast = contrastive_loss(scores, jnp.eye(len(scores), dtype=bool)).mean()
        return contrast + features.commitment, (nnx.split(model, nnx.Param, ...)[2], accuracy, features.commitment)

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


def recalls(
    corpus: SpokenCorpus, pooled: np.ndarray, own: np.ndarray, space: SpeechSpace, listed: np.ndarray
) -> dict[str, float]:
    """Recall of each recording's own picture among all.

    Args:
        corpus: of the recordings.
        pooled: features of the pictures.
        own: number of each recording's picture among them.
        space: of both.
        listed: the recordings.
    """
    similarity = embed_recordings(corpus, space, listed) @ space.embed_grids(pooled[:, None, None, :]).T
    # Others that are as near as the own picture count as nearer: a space that tells nothing apart finds nothing.
    rank = (similarity >= similarity[np.arange(len(listed)), own][:, None]).sum(axis=1) - 1
    found = {f"recall@{k}": float((rank < k).mean()) for k in (1, 5, 10)}
    found["reciprocal_rank"] = float((1 / (rank + 1)).mean())
    return {**found, "pictures": float(len(pooled)), "median_rank": float(np.median(rank)) + 1.0}


def embed_recordings(corpus: SpokenCorpus, space: SpeechSpace, listed: np.ndarray) -> np.ndarray:
    """Unit embeddings of recordings, float32 [n, embedding]."""
    order = np.argsort(corpus.recordings.lengths[listed], kind="stable")
    found = np.zeros((len(listed), space.embedding_size), np.float32)
    size = 64
    starts = range(0, len(listed), size)
    for start in progress(starts, "embedding", len(starts), "batches"):
        part = order[start : start + size]
        rows = [corpus.recordings.pcm(listed[i]) for i in part]
        found[part] = space.embed_pcm(rows + [rows[0]] * (size - len(rows)))[: len(part)]
    return found
