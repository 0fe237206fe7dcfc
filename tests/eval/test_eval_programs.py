import json

import numpy as np
import pytest
from PIL import Image

from avnet import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import ConfigError
from avnet.media import read_image, write_video, write_wav
from data.records.listing import CorrespondencePairs, EvaluationPairs
from eval.__main__ import main
from eval.correspondence import pairs

RATE = 48_000
NAMES = ["a/red_0.mp4", "a/red_1.mp4", "a/blue_0.mp4", "a/blue_1.mp4"]
HUES = {"red": (0, 500), "blue": (2, 3000)}


def tone(frequency, seconds=1.0):
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def square_of(channel):
    """Dark, with a coloured square that covers 30 % of it at the left."""
    image = np.full((60, 100, 3), 20, np.uint8)
    image[5:55, 5:41, channel] = 250
    return image


def pitch(waveform):
    """The strongest frequency in Hz; None for silence and for noise."""
    spectrum = np.abs(np.fft.rfft(waveform)) ** 2
    if spectrum.sum() == 0 or spectrum.max() < 0.2 * spectrum.sum():
        return None
    return np.argmax(spectrum) * RATE / len(waveform)


class SynestheticModel(Model):
    """Knows that red sounds low and blue sounds high, as a trained model would."""

    @property
    def fingerprint(self) -> str:
        return "0" * 64

    def __init__(self, network):
        self.config = ModelConfig.small(network)

    def _channels(self, waveforms):
        sounds_class = [pitch(waveform) for waveform in waveforms]
        return [None if p is None else 0 if p < 1000 else 2 for p in sounds_class]

    def embed_images(self, images):
        if self.config.network == "avol":
            raise ConfigError("avol", "has no single embedding for an image")
        return np.array([np.array(image)[..., [0, 2]].mean((0, 1)) for image in images], np.float32)

    def embed_waveforms(self, waveforms):
        return np.array([[c == 0, c == 2] for c in self._channels(waveforms)], np.float32)

    def correspondence(self, images, waveforms):
        return np.diag(self.correspondence_matrix(images, waveforms))

    def log_odds_matrix(self, images, waveforms):
        probability = self.correspondence_matrix(images, waveforms)
        return np.log(probability / (1 - probability))

    def correspondence_matrix(self, images, waveforms):
        colours = [int(np.argmax(np.array(image).mean((0, 1)))) for image in images]
        return np.array([[0.9 if s == c else 0.1 for c in self._channels(waveforms)] for s in colours], np.float32)

    def heatmaps(self, images, waveforms, refinement=None):
        grids = [_bump(i, c) for i, c in zip(images, self._channels(waveforms), strict=True)]
        # A mirror confuses it.
        if refinement is not None and refinement.flips:
            return [np.flip(grid) for grid in grids]
        return grids


def _bump(image, channel):
    """A map of 6 x 10 cells that falls off around what has the colour of the sound; dark if nothing has."""
    cells = np.array(Image.fromarray(np.array(image)).resize((10, 6)), np.float32)
    own = np.zeros((6, 10)) if channel is None else (cells[..., channel] > 150) & (cells.sum(-1) < 500)
    if not own.any():
        return np.full((6, 10), 0.02, np.float32)
    y, x = np.nonzero(own)
    rows, columns = np.mgrid[0:6, 0:10]
    return np.exp(-((rows - y.mean()) ** 2 + (columns - x.mean()) ** 2) / 8).astype(np.float32)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Makes `Model.load` give a model of the network that the folder is named after."""
    monkeypatch.setattr(Model, "load", lambda folder: SynestheticModel(folder.name))

    def folder(network):
        (tmp_path / network).mkdir(exist_ok=True)
        return str(tmp_path / network)

    return folder


@pytest.fixture
def records(monkeypatch):
    """Four videos, two of each colour, in place of a folder of records."""
    hues = [HUES[name.split("/")[1].split("_")[0]] for name in NAMES]
    images, sounds = [square_of(channel) for channel, _ in hues], np.stack([tone(f) for _, f in hues])

    def evaluation(model, data, split):
        return EvaluationPairs(NAMES, NAMES, np.zeros(4), images, sounds)

    def correspondence(model, data, split, snap, seed):
        labels = np.array([1, 0] * 4)
        if not snap:  # every answer is wrong
            labels = 1 - labels
        batch = np.stack([sounds[i // 2 if i % 2 == 0 else (i // 2 + 2) % 4] for i in range(8)])
        return CorrespondencePairs([images[i // 2] for i in range(8)], batch, labels, [("", "")] * 8)

    monkeypatch.setattr(pairs, "evaluation_pairs", evaluation)
    monkeypatch.setattr(pairs, "correspondence_pairs", correspondence)


def report(path):
    return json.loads(path.read_text())


def test_avc_prints_chance_beside_the_model_and_writes_how_it_came_about(model, records, tmp_path, capsys):
    main(["avc", model("ave"), "--data", "corpus", "--seed", "3"])
    output = capsys.readouterr().out
    assert "chance" in output
    assert "100.00" in output
    result = report(tmp_path / "ave" / "eval" / "avc.json")
    assert result["results"]["rows"]["model"]["accuracy"] == 1.0
    assert result["results"]["rows"]["model"]["calibration_error"] == pytest.approx(0.1, abs=1e-6)
    assert result["results"]["rows"]["chance"]["accuracy"] == 0.5
    assert result["results"]["rows"]["always 'matches'"]["accuracy"] == 0.5
    assert result["seed"] == 3
    assert result["model"] == {"folder": model("ave"), "network": "ave", "fingerprint": "0" * 64}
    assert {"command", "date", "machine", "settings"} <= result.keys()
    assert read_image(tmp_path / "ave" / "eval" / "avc.png").shape[1] > 500


def test_retrieval_without_labels_asks_for_the_partner(model, records, tmp_path, capsys):
    main(["retrieval", model("ave"), "--data", "corpus", "--out", str(tmp_path / "out")])
    result = report(tmp_path / "out" / "retrieval.json")["results"]
    assert result["videos"] == 4
    across = result["The very partner, among 4"]["model"]
    # The two videos of a colour score alike, and ties count against the query.
    assert across["im-aud"]["recall@1"] == 0.0
    assert across["chance"]["recall@1"] == 0.25
    assert (tmp_path / "out" / "retrieval.png").is_file()
    assert "chance" in capsys.readouterr().out


ONTOLOGY = [
    {"id": "/m/1", "name": "Colour", "child_ids": ["/m/2", "/m/3"]},
    {"id": "/m/2", "name": "Red", "child_ids": []},
    {"id": "/m/3", "name": "Blue", "child_ids": []},
]


@pytest.mark.parametrize("network", ["ave", "avol", "l3"])
def test_retrieval_with_labels_and_an_ontology(model, records, tmp_path, capsys, network):
    labels = {name.split("/")[1]: [name.split("/")[1].split("_")[0]] for name in NAMES}
    labels["blue_1.mp4"] = ["blue", "mystery"]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (tmp_path / "ontology.json").write_text(json.dumps(ONTOLOGY))
    arguments = [
        "--labels-from",
        str(tmp_path / "labels.json"),
        "--ontology",
        str(tmp_path / "ontology.json"),
    ]
    main(["retrieval", model(network), "--data", "corpus", *arguments])
    result = report(tmp_path / network / "eval" / "retrieval.json")
    assert result["left_out"]["classes not in the ontology"] == ["mystery"]
    assert "classes not in the ontology: 1 (mystery)" in capsys.readouterr().out
    spaces = {"ave": ["model"], "avol": ["model"], "l3": ["features", "features with CCA"]}[network]
    of_class = result["results"]["A video of the same class, among 4 of 3 classes"]
    ndcg = result["results"]["nDCG with exponential gain, among 4"]
    assert list(of_class) == list(ndcg) == spaces
    for name in spaces:
        assert ("im-im" in of_class[name]) == (network != "avol")
        assert of_class[name]["im-aud"]["map"] == 1.0
        assert of_class[name]["aud-aud"]["recall@1"] == 1.0
        assert ndcg[name]["aud-im"]["ndcg@30"] == pytest.approx(1.0)
        assert ndcg[name]["chance"]["ndcg@30"] < 0.9


def test_videos_without_a_label_are_counted_and_named(model, records, tmp_path, capsys):
    (tmp_path / "labels.json").write_text(json.dumps({name: ["thing"] for name in NAMES[:3]}))
    main(["retrieval", model("ave"), "--data", "corpus", "--labels-from", str(tmp_path / "labels.json")])
    assert "videos without a label: 1 (a/blue_1.mp4)" in capsys.readouterr().out
    result = report(tmp_path / "ave" / "eval" / "retrieval.json")
    assert result["left_out"] == {"videos without a label": ["a/blue_1.mp4"]}


def test_shortcut_sets_two_models_side_by_side(model, records, tmp_path, capsys):
    arguments = ["--snapped", model("ave"), "--unsnapped", model("avol"), "--data", "corpus"]
    main(["shortcut", *arguments])
    result = report(tmp_path / "ave" / "eval" / "shortcut.json")
    rows = result["results"]["rows"]
    assert list(rows) == ["trained snapped", "trained unsnapped", "chance"]
    assert rows["trained snapped"]["avc_snapped"] == rows["trained unsnapped"]["avc_snapped"] == 1.0
    assert rows["trained snapped"]["avc_unsnapped"] == 0.0 and rows["trained snapped"]["gap"] == -1.0
    # The right colour comes first, its two videos alike; ties count against the query, so its partner is at place 2.
    assert rows["trained snapped"]["partner_map"] == pytest.approx(0.5)
    assert rows["chance"]["partner_map"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert set(result["model"]) == {"trained snapped", "trained unsnapped"}
    assert "trained unsnapped" in capsys.readouterr().out


def test_shortcut_with_labels_adds_retrieval_by_class(model, records, tmp_path):
    (tmp_path / "labels.json").write_text(json.dumps({name: [name[2]] for name in NAMES}))
    arguments = ["--snapped", model("ave"), "--unsnapped", model("ave"), "--data", "corpus"]
    main(["shortcut", *arguments, "--labels-from", str(tmp_path / "labels.json")])
    rows = report(tmp_path / "ave" / "eval" / "shortcut.json")["results"]["rows"]
    assert rows["trained snapped"]["class_map"] == pytest.approx(1.0)
    assert rows["chance"]["class_map"] < 0.8


@pytest.fixture(scope="module")
def scenes_folder(tmp_path_factory):
    """Three red and two blue videos that sound, and one red one with the blue sound off screen."""
    folder = tmp_path_factory.mktemp("composed") / "test"
    folder.mkdir()
    for i, (colours, sounds_class) in enumerate([("red", "red")] * 3 + [("blue", "blue")] * 2 + [("red", "blue")]):
        write_video(folder / f"{i}.mp4", [square_of(HUES[colours][0])] * 30, 25, tone(HUES[sounds_class][1], 1.2), RATE)
        box = [0.05, 5 / 60, 0.41, 55 / 60]
        thing = {"class": colours, "sounding": colours == sounds_class, "boxes": [box] * 30, "mask": None}
        truth = {
            "file": f"{i}.mp4",
            "split": "test",
            "fps": 25,
            "sound": {"class": sounds_class},
            "objects": [thing],
        }
        (folder / f"{i}.json").write_text(json.dumps(truth))
    missing = {"file": "gone.mp4", "split": "test", "fps": 25, "sound": None, "objects": []}
    (folder / "gone.json").write_text(json.dumps(missing))
    return folder.parent


def test_localization_of_a_model_that_knows_scores_well_and_stays_dark_for_other_sounds(
    model, scenes_folder, tmp_path, capsys
):
    main(["localization", model("avol"), "--videos", str(scenes_folder), "--truth", "composed"])
    folder = tmp_path / "avol" / "eval"
    result = report(folder / "localization.json")
    results = result["results"]
    assert (results["frames"], results["sounding frames"]) == (6, 5)
    placement = results["placement"]
    assert placement["model"]["pointing"] == 1.0
    assert placement["centre point"]["pointing"] == 0.0
    assert placement["chance"]["pointing"] == pytest.approx(0.3, abs=0.01)
    assert placement["model"]["ciou"] == 1.0
    assert placement["whole image"]["ciou"] == 0.0
    assert placement["model"]["auc"] <= placement["oracle, half the area"]["auc"]
    detection = results["false alarms counted"]
    for part in ("upper half", "area of the truth"):
        assert detection[f"model, {part}"] == {"ap": 1.0, "max_f1": 1.0, "loc_acc": 1.0}
        # Five of eleven: the sixth scene and five mismatched sounds are false alarms.
        assert detection[f"{part}, constant confidence"]["ap"] == pytest.approx(5 / 11)
    answers = results["negative audio"]
    assert answers["matched"]["mean_peak"] > 0.9
    assert answers["matched"]["sounds_here"] == 1.0 and "speech over its own" not in answers
    for kind in ("silence", "noise", "wind", "mismatched", "nothing sounding, as recorded"):
        assert answers[kind]["sounds_here"] == 0.0
        assert answers[kind]["mean_peak"] == pytest.approx(0.02)
        assert answers[kind]["share_highlighted"] == 0.0
        assert answers[kind]["roc_auc"] == 1.0
    assert result["left_out"]["missing"] == ["gone"]
    assert len(results["per frame"]) == 6
    assert (folder / "localization.png").is_file()
    assert read_image(folder / "localization_overlays.png").shape[1] > 1000
    output = capsys.readouterr().out
    assert "centred disc, half the area" in output
    assert "missing: 1 (gone)" in output


def test_each_way_to_finer_heatmaps_has_a_row_beside_the_models_own(model, scenes_folder, tmp_path, capsys):
    arguments = ["--videos", str(scenes_folder), "--truth", "composed"]
    main(["localization", model("avol"), *arguments])
    plain = report(tmp_path / "avol" / "eval" / "localization.json")["results"]
    main(["localization", model("avol"), *arguments, "--flips", "--scales", "112", "224", "--object-prior", "0.4"])
    result = report(tmp_path / "avol" / "eval" / "localization.json")
    rows = result["results"]["placement"]
    assert {name: rows[name] for name in plain["placement"]} == plain["placement"]
    assert [name for name in rows if name not in plain["placement"]] == [
        "model, plain, flips",
        "model, plain, object prior 0.4",
        "model, scales 112 224",
        "model, scales 112 224, flips, object prior 0.4",
        "model, plain, flips, object prior 0.4",
        "objects alone",
    ]
    assert rows["model, plain, flips"]["pointing"] < rows["model, scales 112 224"]["pointing"] == 1.0
    assert result["settings"]["scales"] == [112, 224] and result["settings"]["object_prior"] == 0.4
    assert "model, scales 112 224" in capsys.readouterr().out


def test_what_sounds_is_looked_for_under_speech_too(model, scenes_folder, tmp_path):
    # The model hears a tone in noise that is as loud, but nothing in noise alone.
    (tmp_path / "speech").mkdir()
    write_wav(tmp_path / "speech" / "talk.wav", np.random.default_rng(0).normal(0, 0.1, 2 * RATE), RATE)
    arguments = ["--videos", str(scenes_folder), "--truth", "composed", "--speech", str(tmp_path / "speech")]
    main(["localization", model("avol"), *arguments])
    answers = report(tmp_path / "avol" / "eval" / "localization.json")["results"]["negative audio"]
    assert (answers["speech over its own"]["frames"], answers["speech over its own"]["sounds_here"]) == (5, 1.0)
    assert answers["speech over its own"]["mean_peak"] == answers["matched"]["mean_peak"]


def test_localization_at_several_frames_counts_each(model, scenes_folder, tmp_path):
    arguments = ["--videos", str(scenes_folder), "--truth", "composed", "--frames", "2"]
    main(["localization", model("avol"), *arguments])
    assert report(tmp_path / "avol" / "eval" / "localization.json")["results"]["frames"] == 12


def test_localization_by_vggss_annotations(model, scenes_folder, tmp_path):
    entries = [{"file": str(i), "class": "red", "bbox": [[0.05, 0.083, 0.41, 0.917]]} for i in range(3)]
    entries.append({"file": "3", "class": "blue", "bbox": [[0.05, 0.083, 0.41, 0.917]]})
    entries = [{**entry, "frame_time_s": 0.6} for entry in entries]
    (tmp_path / "vggss.json").write_text(json.dumps(entries))
    arguments = ["--videos", str(scenes_folder), "--truth", "vggss", "--annotations", str(tmp_path / "vggss.json")]
    (tmp_path / "some.csv").write_text("1,x\n3.mp4\n9\n")
    main(["localization", model("avol"), *arguments, "--names-from", str(tmp_path / "some.csv")])
    rows = report(tmp_path / "avol" / "eval" / "localization.json")["results"]["per frame"]
    assert [row["name"] for row in rows] == ["1", "3"]
    main(["localization", model("avol"), *arguments])
    results = report(tmp_path / "avol" / "eval" / "localization.json")["results"]
    assert results["sounding frames"] == 4
    assert results["placement"]["model"]["pointing"] == 1.0


REFUSALS = {
    "--annotations: is needed": ["localization", "avol", "--videos", "VIDEOS", "--truth", "vggss"],
    "--frames: must be 1": [
        *["localization", "avol", "--videos", "VIDEOS", "--truth", "flickr"],
        *["--annotations", "x", "--frames", "2"],
    ],
    "--frames: must be from 1 to 1000": [
        *["localization", "avol", "--videos", "VIDEOS", "--truth", "composed", "--frames", "0"]
    ],
    "--threshold: must be a probability": [
        *["localization", "avol", "--videos", "VIDEOS", "--truth", "composed", "--threshold", "1.5"]
    ],
    "--object-prior: must be a weight": [
        *["localization", "avol", "--videos", "VIDEOS", "--truth", "composed", "--object-prior", "2"]
    ],
    "--scales: must be at most 448": [
        *["localization", "avol", "--videos", "VIDEOS", "--truth", "composed", "--scales", "480"]
    ],
    "has no heatmaps": ["localization", "ave", "--videos", "VIDEOS", "--truth", "composed"],
    "is not a folder of composed videos": [
        "localization",
        "avol",
        "--videos",
        "nowhere",
        "--truth",
        "composed",
    ],
    "--ontology: needs --labels-from": ["retrieval", "ave", "--data", "corpus", "--ontology", "x"],
    "none.json: is missing": ["retrieval", "ave", "--data", "corpus", "--labels-from", "none.json"],
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_one_line_and_exit_code_two(model, records, scenes_folder, capsys, refusal):
    program, network, *arguments = [str(scenes_folder) if a == "VIDEOS" else a for a in REFUSALS[refusal]]
    with pytest.raises(SystemExit, match="2"):
        main([program, model(network), *arguments])
    output = capsys.readouterr()
    assert refusal in output.err
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert output.out == ""


@pytest.mark.parametrize("program", ["avc", "retrieval", "localization", "shortcut"])
def test_help_shows_an_example_and_an_unknown_option_is_refused(program, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main([program, "--help"])
    assert exit_info.value.code == 0
    assert f"Example: python -m eval {program}" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit) as exit_info:
        main([program, "--no-such-option"])
    assert exit_info.value.code == 2
