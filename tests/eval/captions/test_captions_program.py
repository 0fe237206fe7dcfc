import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flax import nnx
from PIL import Image
from random_networks import random_backbone, randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.guards import Guards
from avnet.describer.caption_memory import CaptionMemory
from avnet.describer.familiarity import Familiarity
from avnet.describer.text_folder import TextParts, write_text_describer
from avnet.errors import ConfigError, DataError
from avnet.nn.abstract import abstract_network
from data.captions.corpus import FORMAT, CaptionCorpus, open_captions
from data.images.corpus import LISTING
from eval.__main__ import main
from eval.captions import bleu, cider_d
from eval.captions.baselines import (
    consensus,
    elsewhere,
    majority,
    most_consensual,
    nearest_caption,
    nearest_images,
    template,
)
from eval.captions.config import CaptionsConfig
from eval.captions.describers import describe, parse_models
from eval.captions.intervals import draw_images, interval, intervals, resample
from eval.captions.program import compare
from eval.captions.tables import markdown
from eval.captions.task import Task, task_of

COLORS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220)}
THINGS = {"red": "dog", "green": "boy", "blue": "girl"}
# Four captions of each image, the last of which nobody else writes.
FRAMES = ("A {c} {t} runs on grass.", "a {c} {t} is running", "the {t} runs on the grass", "number {n} of a {c} {t}")


@dataclass
class ColorBackbone:
    """Sees the mean colour, in a grid of two by two."""

    fingerprint: str = "f" * 64
    image_size: int = 32
    cells: int = 2
    features: int = 3
    seen: int = 0

    def grids(self, images):
        self.seen += len(images)
        means = np.array([np.asarray(image, np.float32).mean((0, 1)) for image in images])
        return np.broadcast_to(means[:, None, None], (len(images), 2, 2, 3)) / 255


class ColorNetwork(nnx.Module):
    """Has parameters to count."""

    def __init__(self, regions: str):
        self.layer = nnx.Linear(3, 4, rngs=nnx.Rngs(0))
        self.config = SimpleNamespace(regions=regions)


@dataclass
class ColorDescriber:
    """Says the colour that is strongest, right or always the same: a stand-in for a trained one."""

    backbone: ColorBackbone
    blind: bool = False
    regions: str = "grid"
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def parts(self) -> Any:
        network = ColorNetwork(self.regions)
        return SimpleNamespace(network=network, fingerprint="a" * 64)

    def alternatives(self, features, settings=None):
        self.shapes.append(features.cells.shape)
        strongest = [0 if self.blind else int(i) for i in features.cells.mean(1).argmax(-1)]
        colors = [list(COLORS)[i] for i in strongest]
        return [
            [
                SimpleNamespace(text=text, reason="end", attention=None)
                for text in (f"a {c} {THINGS[c]} runs on grass", f"the {THINGS[c]} is running", f"a {c} {THINGS[c]}")
            ]
            for c in colors
        ]


def corpus_in(folder: Path, per_color: int = 8) -> CaptionCorpus:
    """Images of three colours, half of them for training, a few of each for the test."""
    (folder / "images").mkdir(parents=True)
    names, splits, image_of, texts = [], [], [], []
    for number in range(3 * per_color):
        color = list(COLORS)[number % 3]
        noise = np.random.default_rng(number).integers(-15, 15, (40, 60, 3))
        pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:07d}.jpg")
        names.append(f"{color}_{number}.jpg")
        splits.append("train" if number < 2 * per_color else "test")
        for frame in FRAMES:
            image_of.append(number)
            texts.append(frame.format(c=color, t=THINGS[color], n=number))
    return CaptionCorpus(folder, tuple(names), tuple(splits), np.array(image_of), tuple(texts))


@pytest.fixture
def task(tmp_path) -> Task:
    return task_of(corpus_in(tmp_path / "captions"), "test", 0, 0)


def vectors_of(task: Task) -> np.ndarray:
    return task.pooled(ColorBackbone())  # pyright: ignore[reportArgumentType]


def colors_of(texts) -> list[str]:
    return [next(color for color in COLORS if color in text or THINGS[color] in text) for text in texts]


def test_similar_images_are_the_nearest_by_cosine():
    vectors = np.array([[1.0, 0], [0, 1], [0.8, 0.6], [0.6, 0.8]])
    assert nearest_images(vectors, np.array([0, 1]), np.array([2, 3]), 5).tolist() == [[2, 3], [3, 2]]


def test_most_consensual_is_worked_out_by_hand():
    similarity = np.array([[1, 0.9, 0.0], [0.9, 1, 0.5], [0.0, 0.5, 1]])
    # Means of the others: .45, .7, .25; of the nearest alone .9, .9, .5, of which the first is taken.
    assert most_consensual(similarity) == 1
    assert most_consensual(similarity, compared=1) == 0
    assert most_consensual(np.ones((1, 1))) == 0


def test_captions_of_similar_images_have_the_right_color(task):
    truth = [task.corpus.names[number].split("_")[0] for number in task.images]
    vectors = vectors_of(task)
    assert colors_of(nearest_caption(task, vectors)) == truth
    texts = consensus(task, vectors)
    # Of all sixteen training images, since there are fewer than 90: the same for all, and no caption of one alone.
    assert len(set(texts)) == 1 and not texts[0].startswith("number")
    assert majority(task) in task.corpus.texts and not majority(task).startswith("number")


def test_template_is_a_sentence_of_tags():
    assert template(["dog", "running", "grass", "brown"]) == "a brown dog running and a grass"
    assert template(["boys", "apple"]) == "boys and an apple"
    assert template(["running"]) == template([]) == ""


def test_everyone_gets_another_image():
    others = elsewhere(9, 3)
    assert sorted(others) == list(range(9)) and not (others == np.arange(9)).any()
    assert elsewhere(1, 0).tolist() == [0]


def test_task_has_images_with_two_captions_and_training_captions(tmp_path, task):
    assert len(task.images) == 8 and all(len(several) == 4 for several in task.references)
    assert len(task.memory) == 16 * 4 and task.scorer.images == 16
    few = task_of(task.corpus, "test", 3, 1)
    assert len(few.images) == 3 and set(few.images) <= set(task.images)
    with pytest.raises(DataError):
        task_of(task.corpus, "validation", 0, 0)
    single = CaptionCorpus(tmp_path, ("a", "b"), ("train", "test"), np.array([0, 1]), ("a dog", "a cat"))
    with pytest.raises(DataError, match="two captions"):
        task_of(single, "test", 0, 0)
    alone = CaptionCorpus(tmp_path, ("a", "b"), ("train", "test"), np.array([0, 1, 1]), (".", "a cat", "cats"))
    with pytest.raises(DataError, match="training"):
        task_of(alone, "test", 0, 0)


def test_models_have_names():
    named = parse_models(["runs/up-down/model", "x=runs/other", "words"])
    assert [one.name for one in named] == ["up-down", "x", "words"]
    assert [one.folder for one in named] == ["runs/up-down/model", "runs/other", "words"]
    for models in ([], ["a/model", "b/a"], ["=x"], ["x="]):
        with pytest.raises(ConfigError):
            parse_models(models)


def test_describing_sees_each_image_once_and_in_its_order(task):
    backbone = ColorBackbone()
    describer = ColorDescriber(backbone)
    row = describe(task, describer, None)  # pyright: ignore[reportArgumentType]
    assert colors_of(row.texts) == [task.corpus.names[number].split("_")[0] for number in task.images]
    assert row.parameters == 3 * 4 + 4 and row.seconds is not None and row.seconds > 0
    assert row.stopped == {"end": 8}
    # The second has the same backbone, and windows over its grid.
    other = ColorDescriber(backbone, regions="windows")
    describe(task, other, None)  # pyright: ignore[reportArgumentType]
    assert backbone.seen == len(task.corpus.names)
    assert describer.shapes == [(8, 4, 3)] * 2 and other.shapes == [(8, 30, 3)] * 2
    with pytest.raises(ConfigError):
        describe(task, ColorDescriber(backbone, regions="file"), None)  # pyright: ignore[reportArgumentType]


def test_intervals_are_of_the_images_drawn_again(task):
    right = [several[0] for several in task.references]
    wrong = ["a red dog runs on grass"] * len(right)
    once = np.ones((1, len(right)), np.int64)
    whole = resample(right, task.references, once)
    assert whole.bleu_4[0] == pytest.approx(bleu(right, task.references)[3])
    assert whole.cider_d[0] == pytest.approx(cider_d(right, task.references))
    times = draw_images(len(right), 300, 0)
    assert (times.sum(axis=1) == len(right)).all()
    rows = {"right": resample(right, task.references, times), "wrong": resample(wrong, task.references, times)}
    result = intervals(rows, "right")
    assert result["right"]["BLEU-4 difference"] == (0.0, 0.0)
    low, high = result["wrong"]["CIDEr-D difference"]
    assert low < high < 0
    # What two of the images alone give, drawn by hand.
    part = resample(right, task.references, np.array([[2, 0, 0, 1, 0, 0, 0, 0]]))
    chosen = [0, 0, 3]
    assert part.bleu_4[0] == pytest.approx(bleu([right[i] for i in chosen], [task.references[i] for i in chosen])[3])
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))


def test_report_of_two_models(tmp_path, task, capsys):
    config = CaptionsConfig(tmp_path / "captions", ("good", "blind"), tmp_path / "report", draws=50, pictures=2)
    describers: Any = {"good": ColorDescriber(ColorBackbone()), "blind": ColorDescriber(ColorBackbone(), blind=True)}
    tagger: Any = SimpleNamespace(
        backbone=describers["good"].backbone,
        features_of=lambda grids: grids.mean((1, 2)),
        probabilities=lambda colors: colors,
        choose=lambda colors, top: [(SimpleNamespace(word=THINGS[list(COLORS)[int(c.argmax())]]),) for c in colors],
    )
    compare(config, task, describers, tagger, None)  # pyright: ignore[reportArgumentType]
    result = json.loads((tmp_path / "report" / "captions.json").read_text())
    rows = result["results"]["rows"]
    assert list(rows) == [
        "good",
        "blind",
        "good, shuffled images",
        "nearest neighbor",
        "consensus of neighbors",
        "template of tags",
        "majority sentence",
        "people, against the others",
        "good, against the same",
        "blind, against the same",
    ]
    for other in ("blind", "good, shuffled images", "majority sentence", "consensus of neighbors"):
        assert rows["good"]["CIDEr-D"] > rows[other]["CIDEr-D"] and rows["good"]["tuple F"] > rows[other]["tuple F"]
    assert rows["blind"]["distinct"] == pytest.approx(1 / 8) and rows["blind"]["Self-CIDEr"] > 0
    assert rows["majority sentence"]["parameters"] is None and rows["majority sentence"]["Self-CIDEr"] is None
    assert result["results"]["intervals"]["blind"]["CIDEr-D difference"][1] < 0
    assert "people, against the others" not in result["results"]["intervals"]
    assert "| good |" in (tmp_path / "report" / "captions.md").read_text()
    page = (tmp_path / "report" / "captions.html").read_text()
    assert page.count("<figure>") == 2 and "consensus of neighbors: " in page
    [first, *_] = json.loads((tmp_path / "report" / "descriptions.json").read_text())
    assert first["descriptions"]["template of tags"] in ("a dog", "a boy", "a girl") and len(first["references"]) == 4
    assert "95 % intervals" in capsys.readouterr().out


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with a corpus and two text describers of random weights, as their programs write them."""
    folder = tmp_path_factory.mktemp("written")
    corpus = corpus_in(folder / "captions")
    content = {"format": FORMAT, "images": corpus.names, "splits": corpus.splits, "texts": corpus.texts}
    listing = json.dumps({**content, "image_of": corpus.image_of.tolist()})
    (folder / "captions" / LISTING).write_text(listing)
    backbone = random_backbone("tower", 64, (4, 4, 8, 8))
    backbone.save(folder / "backbone")
    vocabulary = ("", *["a", "boy", "dog", "girl", "green", "red", "runs"])
    for seed, kind in enumerate(("show-and-tell", "up-down")):
        sizes = {"pieces": len(vocabulary), "image_features": backbone.features, "width": 8, "hidden": 8, "longest": 6}
        config = CaptionerConfig.preset(kind, small=True, **sizes)
        network = randomize(abstract_network(lambda rngs, config=config: build_captioner(config, rngs=rngs)), seed)
        network.eval()
        vectors = np.random.default_rng(seed).random((6, backbone.features))
        familiarity = Familiarity.of(vectors[:4], vectors[4:])
        memory = CaptionMemory.of([np.array([1, 3, 7]), np.array([1, 2])], np.array([0, 2]))
        parts = TextParts(network, vocabulary, Guards(6, 3, False), familiarity, memory, {"CIDEr-D": 0.0})
        write_text_describer(folder / kind / "model", parts, folder / "backbone")
    return folder


def test_command_compares_describers_as_they_are_written(written, capsys):
    models = [str(written / kind / "model") for kind in ("show-and-tell", "up-down")]
    options = ["--out", str(written / "report"), "--draws", "20", "--limit", "5", "--candidates", "3"]
    names = open_captions(written / "captions").names
    boxes = [f"{name},{word},0,0,0.5,1" for name in names for word in ("a", "boy", "dog", "girl", "green", "red")]
    (written / "boxes.csv").write_text("\n".join(["image,word,left,top,right,bottom", *boxes]))
    options += ["--boxes", str(written / "boxes.csv")]
    main(["captions", str(written / "captions"), *models, *options])
    result = json.loads((written / "report" / "captions.json").read_text())
    rows = result["results"]["rows"]
    assert list(rows)[:2] == ["show-and-tell", "up-down"] and result["results"]["images"] == 5
    assert all(rows[name]["parameters"] > 100 and rows[name]["ms/image"] > 0 for name in ("show-and-tell", "up-down"))
    # One attends to nothing; the other knows six words with a box, of half of the image.
    assert rows["show-and-tell"]["looks"] is None and rows["up-down"]["looks"]["chance"] == 0.5
    assert 0 < rows["up-down"]["looks"]["inside"] < 1 and rows["up-down"]["looks"]["words"] >= 5
    # They know seven words, and know nothing of colours: people are above them.
    assert rows["up-down"]["vocabulary"] <= 7
    assert rows["people, against the others"]["CIDEr-D"] > rows["up-down, against the same"]["CIDEr-D"]
    assert "template of tags" not in rows and "Written descriptions of 5 images" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["captions", str(written / "captions"), models[0], "--tagger", models[0], "--out", str(written / "other")])
    assert "must be a tagger, got a TextDescriber" in capsys.readouterr().err
    assert not (written / "other").exists()


def test_markdown_keeps_its_columns():
    text = markdown("Title", ("a", "b"), [("x|y", ["1", "2"])])
    assert text == "Title\n\n|  | a | b |\n| --- | ---: | ---: |\n| x\\|y | 1 | 2 |\n"


def test_options_out_of_bounds_are_refused():
    config = CaptionsConfig(Path("captions"), ("model",), Path("report"))
    for options in ({"candidates": 0}, {"candidates": 65}, {"limit": -1}, {"draws": -1}, {"reward": -0.1}):
        with pytest.raises(ConfigError):
            replace(config, **options)
