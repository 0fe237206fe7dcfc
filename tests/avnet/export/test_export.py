import dataclasses
import os
import re
import shutil
import subprocess
import sys
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from jax import export
from media.forged import forge_config
from random_networks import random_network

from avnet import Model
from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import hann, log_spectrogram, mel_filterbank
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.errors import AvnetError, ConfigError, ModelFolderError
from avnet.export.exported import Exported
from avnet.export.folder import write
from avnet.export.manifest import FormatName
from avnet.files.artifact import read_header
from avnet.files.kinds import EXPORT

FRONT = SpectrogramConfig(sample_rate=8_000, win_length=250, hop_length=120, n_fft=256, n_mels=17, f_max=4_000.0)
CONFIG = ModelConfig(image_size=32, widths=(4, 4, 6, 8), embedding_size=7, spectrogram=FRONT)
FINGERPRINT = "0123456789abcdef" * 4
BATCHES = (1, 2, 5)
EACH = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(scope="module")
def onnx():
    need("onnx")
    need("onnxruntime")


@pytest.fixture(scope="module", params=["jax", "onnx"])
def kind(request):
    if request.param == "onnx":
        request.getfixturevalue("onnx")
    return request.param


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Gives the folder of an exported network."""

    @cache
    def make(name, kind: FormatName = "jax"):
        folder = tmp_path_factory.mktemp("exported") / f"{name}-{kind}"
        write(folder, network(name), FINGERPRINT, kind)
        return folder

    return make


def network(name):
    # AVOL-Net with the paper's linear bins, L3-Net with the bands of AudioSet's networks
    changes = {"avol": {"n_mels": None}, "l3": {"mel": "magnitude"}}
    front = dataclasses.replace(FRONT, **changes.get(name, {}))
    return random_network(dataclasses.replace(CONFIG, network=name, spectrogram=front))


@cache
def model(name):
    return Model(network(name).config, network(name))


def images(count=5):
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)


def waveforms(count=5):
    return np.random.default_rng(1).normal(scale=0.1, size=(count, 8_000)).astype(np.float32)


@cache
def wanted(name):
    """What the model itself gives for five images and sounds."""
    photos, sounds = images(), waveforms()
    values = {
        "sound_encoder": model(name).embed_waveforms(sounds),
        "scorer": np.diagonal(model(name).log_odds_matrix(photos, sounds)),
    }
    if name == "avol":
        return {**values, "heatmap": np.stack(model(name).heatmaps(photos, sounds))}
    return {**values, "image_encoder": model(name).embed_images(photos)}


def check(name, values):
    if name == "avol":  # the model's are probabilities, and it shows no grid of vectors
        values = {**values, "heatmap": 1 / (1 + np.exp(-values["heatmap"]))}
    for part, expected in wanted(name).items():
        np.testing.assert_allclose(values[part], expected[: len(values[part])], rtol=0, atol=1e-5)


def parts(functions, count):
    """What the functions of an exported model give for the first images and sounds."""
    image, sound = functions["image_encoder"](images()[:count]), functions["sound_encoder"](waveforms()[:count])
    answers = {part: run(image, sound) for part, run in functions.items() if part in ("scorer", "heatmap")}
    return {"image_encoder": image, "sound_encoder": sound, **answers}


def lines(folder):
    """The lines of Python that the folder's page shows."""
    return (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]


def copy_folder(folder, monkeypatch):
    """The functions by those lines."""
    monkeypatch.chdir(folder)
    names = {}
    exec(lines(folder), names)
    return {part: names[part] for part in read_header(folder, EXPORT).config["parts"]}


ELSEWHERE = """
import os, sys
import numpy as np
place, *folders = sys.argv[1:]
given = np.load(os.path.join(place, "given.npz"))
for number, folder in enumerate(folders):
    os.chdir(folder)
    page = open("README.md").read()
    exec(page.split("```python\\n")[1].split("```")[0])
    for count in (1, 2, 5):
        image, sound = image_encoder(given["images"][:count]), sound_encoder(given["waveforms"][:count])
        values = {"image_encoder": image, "sound_encoder": sound, "scorer": scorer(image, sound)}
        if "heatmap.jax" in os.listdir():
            values["heatmap"] = heatmap(image, sound)
        np.savez(os.path.join(place, f"{number}-{count}.npz"), **values)
print(sorted({name.split(".")[0] for name in sys.modules} & {"avnet", "flax", "jax", "optax"}))
"""


def test_artefacts_give_what_the_model_gives_where_there_is_only_jax(place, tmp_path):
    np.savez(tmp_path / "given.npz", images=images(), waveforms=waveforms())
    folders = [str(place(name)) for name in NETWORKS]
    run = [sys.executable, "-I", "-c", ELSEWHERE, str(tmp_path), *folders]
    process = subprocess.run(run, capture_output=True, text=True, check=True)
    assert process.stdout == "['jax']\n"
    for number, name in enumerate(NETWORKS):
        for count in BATCHES:
            with np.load(tmp_path / f"{number}-{count}.npz") as values:
                assert values["scorer"].shape == (count,)
                check(name, dict(values))


@EACH
def test_onnx_gives_what_the_model_gives(onnx, place, monkeypatch, name):
    functions = copy_folder(place(name, "onnx"), monkeypatch)
    for count in BATCHES:
        check(name, parts(functions, count))


def test_folder_is_read_as_the_functions_that_were_exported(place, kind):
    result = Exported.load(place("avol", kind))
    assert result.heatmap is not None
    functions = {part: getattr(result, part) for part in result.manifest.parts}
    check("avol", parts(functions, 2))
    assert str(result.heatmap.signature) == (
        "image_embedding float32 [batch, 2, 2, 7], sound_embedding float32 [batch, 7]"
        " -> cell_log_odds float32 [batch, 2, 2]"
    )
    assert Exported.load(place("l3", kind)).heatmap is None


def test_spectrogram_of_onnx_is_as_exact_as_that_of_jax(onnx, place):
    tones = 0.9 * np.sin(2 * np.pi * np.outer([125.0, 440.0, 1000.0, 3900.0], np.arange(8_000)) / 8_000)
    tones = tones.astype(np.float32)
    tower = network("ave")
    tower.eval()
    encode = jax.jit(tower.encode_sounds)
    exact = encode(jnp.asarray(exact_spectrogram(tones)))
    of_jax = np.abs(encode(log_spectrogram(jnp.asarray(tones), FRONT)) - exact).max()
    of_onnx = np.abs(Exported.load(place("ave", "onnx")).sound_encoder(tones) - exact).max()
    assert of_onnx <= 2 * of_jax + 1e-6


def exact_spectrogram(waveform):
    """`log_spectrogram`, in float64."""
    starts = np.arange(FRONT.frames(waveform.shape[1]))[:, None] * FRONT.hop_length
    windows = waveform.astype(np.float64)[:, starts + np.arange(FRONT.win_length)] * hann(FRONT.win_length)
    power = np.abs(np.fft.rfft(windows, FRONT.n_fft)) ** 2 @ mel_filterbank(FRONT)
    return np.log(np.sqrt(power) + FRONT.floor).swapaxes(1, 2)[..., None].astype(np.float32)


def test_folder_says_what_is_in_it(place, kind):
    header = read_header(place("avol", kind), EXPORT)
    header_config = header.config
    assert header_config["network"] == "AVOL-Net" and header.requires == {"model": FINGERPRINT}
    assert (header_config["sample_rate"], header_config["clip_s"]) == (8_000, 1.0)
    assert header_config["platforms"] == (["cpu", "cuda", "tpu"] if kind == "jax" else [])
    assert header_config["versions"].keys() == {"avnet", "jax"} if kind == "jax" else {"avnet", "onnx", "opset"}
    names = ["image_encoder", "sound_encoder", "scorer", "heatmap"]
    assert list(header_config["parts"]) == names
    assert {file.name for file in place("avol", kind).iterdir()} == {
        "artifact.json",
        "README.md",
        *(f"{name}.{kind}" for name in names),
    }
    (input_,) = header_config["parts"]["sound_encoder"]["inputs"]
    assert input_["shape"] == ["batch", 8_000] and input_["dtype"] == "float32"
    assert input_["meaning"] == "mono sound in [-1, 1] at 8000 Hz, 1 s"
    page = (place("avol", kind) / "README.md").read_text()
    assert all(tensor["meaning"] in page for part in header_config["parts"].values() for tensor in part["inputs"])


def test_artefacts_are_for_every_platform_and_any_batch(place):
    for file in place("avol").glob("*.jax"):
        artefact = export.deserialize(bytearray(file.read_bytes()))
        assert artefact.platforms == ("cpu", "cuda", "tpu")
        assert all(export.is_symbolic_dim(input_.shape[0]) for input_ in (*artefact.in_avals, *artefact.out_avals))


def test_same_model_gives_the_same_bytes_and_no_path_of_this_machine(place, tmp_path, kind):
    def again():
        write(tmp_path / "again", network("ave"), FINGERPRINT, kind)

    again()
    for file in place("ave", kind).iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
        assert not re.search(rb"\.py\b", file.read_bytes())


def test_folder_is_replaced_as_a_whole_or_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("avnet.export.folder.stablehlo", lambda network, wanted: dict.fromkeys(wanted, b"artefact"))
    folder = tmp_path / "out"
    write(folder, network("avol"), FINGERPRINT)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("avnet.export.folder.readme", lambda manifest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(folder, network("ave"), FINGERPRINT)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert os.listdir(tmp_path) == ["out"]
    write(folder, network("ave"), FINGERPRINT)
    assert (folder / "scorer.jax").exists() and not (folder / "heatmap.jax").exists()


def test_what_is_no_exported_model_is_not_replaced(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelFolderError, match="is not a folder"):
        write(tmp_path / "file", network("ave"), FINGERPRINT)
    with pytest.raises(ModelFolderError, match="neither empty nor an exported model"):
        write(tmp_path, network("ave"), FINGERPRINT)
    assert (tmp_path / "file").read_text() == "mine"


def test_weights_beyond_what_the_formats_hold_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("avnet.export.folder.MAX_BYTES", 1_000)
    with pytest.raises(ModelFolderError, match="bytes of weights are more than 1,000"):
        write(tmp_path / "out", network("ave"), FINGERPRINT)
    assert not (tmp_path / "out").exists()


def test_onnx_without_the_extra_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"--format onnx: needs the extra: pip install 'avnet\[onnx\]'"):
        write(tmp_path / "out", network("ave"), FINGERPRINT, "onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    folder = claim(place("ave"), tmp_path / "claimed", kind="onnx")
    with pytest.raises(ConfigError, match=r"needs the extra: pip install 'avnet\[onnx\]'"):
        Exported.load(folder)


WRONG = {
    "float images": (images().astype(np.float32) / 255, "must be uint8 [5, 32, 32, 3], got float32 [5, 32, 32, 3]"),
    "one image": (images()[0], "must be uint8 [32, 32, 32, 3], got uint8 [32, 32, 3]"),
    "other size": (images()[:, :16], "must be uint8 [5, 32, 32, 3], got uint8 [5, 16, 32, 3]"),
    "none": (images(0), "must be uint8 [1, 32, 32, 3], got uint8 [0, 32, 32, 3]"),
    "a number": (np.array(1), "must be uint8 [1, 32, 32, 3], got int64 []"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_a_function_does_not_take_are_refused(place, case):
    array, reason = WRONG[case]
    with pytest.raises(ConfigError, match=re.escape(f"images: {reason}")):
        Exported.load(place("ave")).image_encoder(array)


def test_images_and_sounds_of_different_numbers_are_refused(place):
    scorer = Exported.load(place("ave")).scorer
    of = np.zeros((2, 7), np.float32)
    with pytest.raises(ConfigError, match=r"sound_embedding: must be float32 \[2, 7\], got float32 \[1, 7\]"):
        scorer(of, of[:1])
    with pytest.raises(ConfigError, match=r"exported: takes 2 arrays \(image_embedding, sound_embedding\), got 1"):
        scorer(of)


def claim(source, folder, kind="jax", **contents):
    """A copy in which some files hold something else, and the header says that it should be so."""
    folder.mkdir()
    shutil.copy(source / "artifact.json", folder)
    parts = read_header(source, EXPORT).config["parts"]
    for name, part in parts.items():
        content = contents.get(name, (source / part["file"]).read_bytes())
        (folder / f"{name}.{kind}").write_bytes(content)
        part["file"] = f"{name}.{kind}"
    forge_config(folder, lambda config: config.update(format=kind, parts=parts))
    return folder


def assert_refusal(folder):
    """The one line with which a folder is refused."""
    with pytest.raises(AvnetError) as error:
        Exported.load(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


DAMAGE = {
    "cut": lambda content: content[:-1],
    "flipped": lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:],
    "emptied": lambda content: b"",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused_before_they_are_used(place, tmp_path, kind, damage):
    folder = claim(place("ave", kind), tmp_path / "copy", kind)
    file = folder / f"sound_encoder.{kind}"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert assert_refusal(folder).startswith(f"{file}: is damaged: it has ")


JUNK = {
    "nothing": b"",
    "zeros": bytes(64),
    "ones": b"\xff" * 64,
    "all": bytes(range(256)) * 8,
    "loop": b"\x08\0\0\0" * 999,
}


@pytest.mark.parametrize("junk", JUNK)
def test_junk_that_the_manifest_calls_right_is_refused(place, tmp_path, kind, junk):
    folder = claim(place("ave", kind), tmp_path / "copy", kind, scorer=JUNK[junk])
    assert assert_refusal(folder).startswith(f"{folder / f'scorer.{kind}'}: ")


def test_function_other_than_the_manifest_says_is_refused(place, tmp_path, kind):
    other = (place("l3", kind) / f"image_encoder.{kind}").read_bytes()
    folder = claim(place("ave", kind), tmp_path / "copy", kind, image_encoder=other)
    assert "is not images uint8 [batch, 32, 32, 3] -> image_embedding float32 [batch, 7], as" in assert_refusal(folder)


def with_value(header_config, *keys, value):
    *path, last = keys
    at = header_config
    for key in path:
        at = at[key]
    at[last] = value


MANIFESTS = [
    (("format",), "torch"),
    (("parts",), {}),
    (("parts",), ["scorer"]),
    (("parts", "../../scorer"), {"inputs": [], "output": {}}),
    (("parts", "scorer", "output", "shape"), []),
    (("parts", "scorer", "output", "shape"), ["batch", -1]),
    (("parts", "scorer", "output", "dtype"), "object"),
    (("sample_rate",), "fast"),
    (("sample_rate",), None),
    (("versions",), "new"),
]


@pytest.mark.parametrize(("keys", "value"), MANIFESTS)
def test_manifests_that_cannot_be_are_refused(place, tmp_path, keys, value):
    folder = claim(place("ave"), tmp_path / "copy")
    forge_config(folder, lambda config: with_value(config, *keys, value=value))
    assert assert_refusal(folder).startswith(f"{folder}: is not an exported model, or damaged (")
