import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import avnet
from avnet.index.index import Index
from avnet.media import read_waveform

ROOT = Path(__file__).parents[3]


def test_help_is_quick_and_imports_no_jax():
    code = "import sys, avnet.cli.main as m; assert 'jax' not in sys.modules and 'flax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    process = subprocess.run([sys.executable, "-m", "avnet", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0
    assert all(name in process.stdout for name in ("localize", "index", "search", "embed", "info"))


def test_embeddings_of_a_folder_are_the_models_own(run, models, media, tmp_path):
    code, out, err = run("embed", models / "ave", media, "--out", tmp_path / "e.npz")
    assert code == 0 and "junk.mp4" in err and "2 files left out" in out
    with np.load(tmp_path / "e.npz") as file:
        entries = dict(file)
    model = avnet.load(models / "ave")
    assert entries["model"] == model.fingerprint
    np.testing.assert_allclose(np.linalg.norm(entries["embeddings"], axis=1), 1, atol=1e-5)
    rows = list(zip([Path(p).name for p in entries["path"]], entries["kind"], entries["time_s"], strict=True))
    assert [(kind, time) for name, kind, time in rows if name == "video.mp4"] == [
        ("image", 0.5),
        ("image", 1.5),
        ("image", 2.5),
        ("sound", 0.5),
        ("sound", 1.5),
        ("sound", 2.5),
    ]
    assert [name for name, _, _ in rows if name != "video.mp4"] == [
        "noise.wav",
        "noise.wav",
        "photo.png",
        "silence.wav",
    ]
    sound = read_waveform(media / "video.mp4").cut(1.5, 1.0)
    row = next(i for i, (name, kind, time) in enumerate(rows) if (name, kind, time) == ("video.mp4", "sound", 1.5))
    np.testing.assert_allclose(entries["embeddings"][row], model.embed_waveforms(sound[None])[0], atol=1e-5)


def test_features_of_l3_can_be_embedded(run, models, media, tmp_path):
    code, _, _ = run("embed", models / "l3", media / "video.mp4", "--out", tmp_path / "e.npz", "--every", 0.5)
    assert code == 0
    with np.load(tmp_path / "e.npz") as file:
        assert file["embeddings"].shape == (10, 8)
        assert file["time_s"][:5].tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]


def test_index_counts_what_it_holds_and_what_it_rejected(index_folder, media):
    with Index.open(index_folder) as index:
        assert index.counts() == {"image": 4, "sound": 4}
        assert index.file_count() == 3
    rows = [json.loads(line) for line in (index_folder / "rejected.jsonl").read_text().splitlines()]
    names = ("notes.txt", "junk.mp4")
    assert [(row["file"], row["kind"]) for row in rows] == [(str(media / name), "NotMedia") for name in names]


def test_index_resumes_and_sees_changes(run, models, media, tmp_path):
    for name in ("video.mp4", "noise.wav", "silence.wav", "junk.mp4"):
        (tmp_path / name).write_bytes((media / name).read_bytes())
    index = tmp_path / "index"
    code, out, err = run("index", models / "ave", index, tmp_path)
    assert code == 0
    assert "added 3 images and 4 sounds of 3 files" in out and "left out 2 silent clips" in out
    assert "rejected 1 files" in out and "left out: " in err and "3 images and 4 sounds of 2 files" in out
    code, out, _ = run("index", models / "ave", index, tmp_path)
    assert code == 0 and "skipped 3 files" in out and "added 0 images" in out
    assert len((index / "rejected.jsonl").read_text().splitlines()) == 1
    os.utime(tmp_path / "noise.wav", (1, 1))
    code, out, _ = run("index", models / "ave", index, tmp_path)
    assert "skipped 2 files" in out and "added 0 images and 2 sounds of 1 files" in out
    assert "3 images and 4 sounds of 2 files" in out
    code, out, _ = run("index", models / "ave", index, tmp_path / "video.mp4", "--every", 0.5)
    assert "added 5 images and 4 sounds" in out and "5 images and 6 sounds of 2 files" in out


def test_torn_last_row_of_the_rejects_is_dropped(run, models, media, tmp_path):
    index = tmp_path / "index"
    run("index", models / "ave", index, media / "photo.png")
    (index / "rejected.jsonl").write_text('{"file": "/gone.mp4", "kind": "NotMedia", "reason": "x"}\n{"file": "/to')
    run("index", models / "ave", index, media / "photo.png", media / "junk.mp4")
    rows = [json.loads(line)["file"] for line in (index / "rejected.jsonl").read_text().splitlines()]
    assert rows == ["/gone.mp4", str(media / "junk.mp4")]


def test_info_of_everything(run, models, media, index_folder):
    code, out, _ = run("info", models / "ave")
    assert code == 0 and "AVE-Net" in out and "## Metrics" in out and "## Limits" not in out
    assert avnet.load(models / "ave").fingerprint in out
    code, out, _ = run("info", index_folder)
    assert code == 0 and re.search(r"images +4\n", out) and re.search(r"files +3\n", out)
    code, out, _ = run("info", media / "video.mp4")
    assert code == 0 and "video track  80x48 pixels, 10.000 frames/s" in out and "48000 Hz" in out
    code, out, _ = run("info", media / "photo.png")
    assert code == 0 and "60x40 pixels" in out


def test_index_of_halves_is_asked_for_once(run, refusal_of, models, media, index_folder, tmp_path):
    code, _, _ = run("index", models / "ave", tmp_path / "half", media / "video.mp4", "--half")
    assert code == 0
    code, _, _ = run("index", models / "ave", tmp_path / "half", media / "photo.png")
    assert code == 0 and "8 numbers, float16" in run("info", tmp_path / "half")[1]
    assert np.load(tmp_path / "half" / "segment-00000003.npy").dtype == np.float16
    line = refusal_of("index", models / "ave", index_folder, media / "photo.png", "--half")
    assert line == f"error: --half: goes with a new index; {index_folder} holds float32"
