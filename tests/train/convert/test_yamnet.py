import importlib
import os
import resource
import warnings
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from judges import tflite_writer
from judges.tflite_writer import write

import avnet
from avnet.audio.spectrogram import log_spectrogram, mel_filterbank
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.errors import AvnetError, DataError, ModelFolderError
from avnet.files.weights import arrays_of, shapes_of
from train.convert.config import YamnetConfig
from train.convert.yamnet import read_yamnet, yamnet

# The published file (4,126,810 bytes), where it is at hand.
PUBLISHED = os.environ.get("AVNET_YAMNET_TFLITE")


@pytest.fixture(scope="module")
def content():
    """A `.tflite` file of YAMNet with random weights."""
    return write(tflite_writer.yamnet())


@pytest.fixture
def file(tmp_path, content):
    (tmp_path / "yamnet.tflite").write_bytes(content)
    return tmp_path / "yamnet.tflite"


def test_program_makes_an_audio_backbone_of_the_file(file, tmp_path, capsys):
    fingerprint = yamnet(YamnetConfig(file, tmp_path / "backbone"))
    backbone = avnet.load(tmp_path / "backbone")
    assert (backbone.config, backbone.fingerprint) == (AudioBackboneConfig.yamnet(relu6=True), fingerprint)
    assert "yamnet, 521 classes" in capsys.readouterr().out
    card = (tmp_path / "backbone" / "README.md").read_text()
    assert "Apache License 2.0" in card and "`yamnet.tflite`, SHA-256 `" in card and "8-bit" in card


def test_arrays_are_those_of_the_file(file):
    _, stem, depthwise, pointwise, *_, dense = tflite_writer.yamnet()
    arrays = arrays_of(read_yamnet(file).network)

    def whole(array):
        scales = array.scales.reshape([-1 if axis == array.axis else 1 for axis in range(array.values.ndim)])
        return array.values * scales

    np.testing.assert_allclose(arrays["stem.kernel"], whole(stem.weights).transpose(1, 2, 3, 0), rtol=1e-6)
    np.testing.assert_allclose(arrays["blocks.0.kernel"][:, :, 0], whole(depthwise.weights)[0], rtol=1e-6)
    np.testing.assert_allclose(arrays["blocks.1.kernel"][0, 0], whole(pointwise.weights)[:, 0, 0].T, rtol=1e-6)
    np.testing.assert_allclose(arrays["classifier.kernel"], whole(dense.weights).T, rtol=1e-6)
    np.testing.assert_allclose(arrays["blocks.1.norm.bias"], whole(pointwise.bias), rtol=1e-6)
    # Normalisation has no effect: (x - 0) / sqrt(var + epsilon) is x.
    assert (arrays["stem.norm.mean"] == 0).all() and np.allclose(arrays["stem.norm.var"] + 1e-4, 1)


def test_activations_that_do_not_end_are_told_from_those_that_do(tmp_path):
    (tmp_path / "x.tflite").write_bytes(write(tflite_writer.yamnet(activation=1)))
    assert not read_yamnet(tmp_path / "x.tflite").config.relu6
    (tmp_path / "x.tflite").write_bytes(write(tflite_writer.yamnet(activation=4)))
    assert_refusal(tmp_path / "x.tflite", ModelFolderError, "is not YAMNet: its activations are other")


def replaced(layer, **change):
    layers = tflite_writer.yamnet()
    layers[layer] = layers[layer]._replace(**change)
    return layers


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        (tflite_writer.yamnet()[:-1], "its last layer is a convolution layer"),
        (tflite_writer.yamnet()[3:], "it has 25 convolutions, not 27"),
        (tflite_writer.yamnet(classes=527), r"classifier.kernel has the shape \(527, 1024\), not"),
        (replaced(2, stride=2), r"blocks.0 is a depthwise layer with strides \(2, 2\)"),
        (replaced(2, kind="convolution"), "blocks.0 is a convolution layer"),
        (
            replaced(4, weights=tflite_writer.yamnet()[6].weights),
            r"blocks.2.kernel has the shape \(1, 3, 3, 128\), not",
        ),
        (replaced(4, bias=tflite_writer.yamnet()[6].bias), r"blocks.2.norm.bias has the shape \(128,\), not \(64,\)"),
        ([], "it has 0 convolutions"),
    ],
)
def test_another_network_is_refused(tmp_path, layers, reason):
    (tmp_path / "other.tflite").write_bytes(write(layers))
    assert_refusal(tmp_path / "other.tflite", ModelFolderError, f"is not YAMNet: {reason}")


def test_scales_beyond_float32_are_refused(tmp_path):
    layers = replaced(1, bias=tflite_writer.yamnet()[1].bias._replace(scales=np.full(32, 3e38, np.float32)))
    (tmp_path / "x.tflite").write_bytes(write(layers))
    assert_refusal(tmp_path / "x.tflite", ModelFolderError, "'stem.norm.bias' holds values that are not finite")


@pytest.mark.parametrize(
    ("begin", "reason"),
    [
        (b"<!DOCTYPE html><title>Not found</title>", "is a web page, not weights"),
        (b"\n <html>", "is a web page, not weights"),
        (b"PK\x03\x04", "is neither a .tflite nor an .h5 file"),
        (b"", "is neither a .tflite nor an .h5 file"),
        (b"\x1c\0\0\0TFL3", "is not a .tflite file, or damaged"),
    ],
)
def test_what_is_no_file_of_weights_leaves_no_folder(tmp_path, begin, reason):
    (tmp_path / "weights").write_bytes(begin)
    with pytest.raises(DataError, match=reason):
        yamnet(YamnetConfig(tmp_path / "weights", tmp_path / "backbone"))
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    assert_refusal(tmp_path / "nothing", DataError, "is missing or not a regular file")
    assert_refusal(tmp_path, DataError, "is missing or not a regular file")


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9, 0.999])
def test_a_cut_file_is_refused(file, content, share):
    file.write_bytes(content[: int(share * len(content))])
    assert_refusal(file, DataError, "is not a .tflite file, or damaged")


def test_any_change_is_refused_or_gives_weights_of_the_right_shapes(file, content):
    rng = np.random.default_rng(0)
    # Before the weights lies the web of offsets; there a change matters.
    web = content.index(tflite_writer.yamnet()[-1].weights.values.tobytes()[:64])
    expected = shapes_of(read_yamnet(file).network)
    before, read = most_memory(), 0
    for _ in range(300):
        changed = bytearray(content)
        for place in rng.integers(8, web, rng.integers(1, 6)):
            word = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, len(content)]) if rng.random() < 0.5 else rng.integers(2**32)
            changed[place : place + 4] = int(word).to_bytes(4, "little")
        file.write_bytes(changed)
        try:
            shapes = shapes_of(read_yamnet(file).network)
        except AvnetError as error:
            assert "\n" not in str(error) and error.subject == str(file)
        else:
            assert shapes == expected
            read += 1
    assert 10 < read < 290 and most_memory() - before < 200e6


def most_memory():
    """The most bytes that this process has had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


KERAS = AudioBackboneConfig.yamnet()


def keras_names():
    """Our name of each array, its name in Keras, and whether its last two axes are the other way round there."""
    yield "stem.kernel", "layer1/conv/kernel:0", False
    yield from norm("stem", "layer1/conv")
    for i in range(13):
        for j, (kind, kernel) in enumerate([("depthwise", "depthwise_kernel"), ("pointwise", "kernel")]):
            yield f"blocks.{2 * i + j}.kernel", f"layer{i + 2}/{kind}_conv/{kernel}:0", j == 0
            yield from norm(f"blocks.{2 * i + j}", f"layer{i + 2}/{kind}_conv")
    yield "classifier.kernel", "dense/kernel:0", False
    yield "classifier.bias", "dense/bias:0", False


def norm(ours, theirs):
    for part, name in {"bias": "beta", "mean": "moving_mean", "var": "moving_variance"}.items():
        yield f"{ours}.norm.{part}", f"{theirs}/bn/{name}:0", False


@pytest.fixture(scope="module")
def random_arrays():
    from random_networks import random_audio_backbone

    return arrays_of(random_audio_backbone().network)


@pytest.fixture
def h5(tmp_path, random_arrays):
    """A file as `save_weights` of Keras writes it: a group for each layer, and in it arrays by their whole names."""
    h5py = need("h5py")
    with h5py.File(tmp_path / "yamnet.h5", "w") as file:
        for ours, theirs, swapped in keras_names():
            array = random_arrays[ours]
            name = f"{theirs.rpartition('/')[0]}/{theirs}"
            file.create_dataset(name, data=array.swapaxes(2, 3) if swapped else array)
    return tmp_path / "yamnet.h5"


def test_keras_file_gives_the_arrays_that_it_holds(h5, random_arrays, tmp_path):
    yamnet(YamnetConfig(h5, tmp_path / "backbone"))
    backbone = AudioBackbone.load(tmp_path / "backbone")
    assert backbone.config == KERAS
    arrays = arrays_of(backbone.network)
    for name, array in random_arrays.items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda h5py, file, name: None, r"there is no array 'layer1/conv/kernel:0'"),
        (lambda h5py, file, name: file.create_group(name), "'layer1/conv/kernel:0' is a group"),
        (lambda h5py, file, name: file.create_dataset(name, data=np.zeros(2, np.float32)), r"is float32\(2,\), not"),
        (lambda h5py, file, name: file.create_dataset(name, data=np.zeros((3, 3, 1, 32))), "is float64"),
        (lambda h5py, file, name: file.create_dataset(name, (10**6, 10**6), "f4"), r"is float32\(1000000, 1000000\)"),
        (lambda h5py, file, name: link(file, name, h5py.SoftLink("/layer2")), "there is no array"),
        (lambda h5py, file, name: link(file, name, h5py.ExternalLink("other.h5", "/x")), "there is no array"),
        (lambda h5py, file, name: external(file, name), "lies in another file"),
    ],
)
def test_keras_file_that_does_not_fit_is_refused(h5, change, reason):
    h5py = need("h5py")
    with h5py.File(h5, "r+") as file:
        name = "layer1/conv/layer1/conv/kernel:0"
        del file[name]
        change(h5py, file, name)
    assert_refusal(h5, DataError, f"does not hold the weights, or is damaged.*{reason}")


def link(file, name, to):
    file[name] = to


def external(file, name):
    file.create_dataset(name, (3, 3, 1, 32), "f4", external=[("/etc/passwd", 0, 3 * 3 * 32 * 4)])


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5])
def test_a_cut_keras_file_is_refused(h5, share):
    content = h5.read_bytes()
    h5.write_bytes(content[: int(share * len(content))])
    assert_refusal(h5, DataError, "does not hold the weights, or is damaged")


@pytest.fixture(scope="module")
def judge():
    """LiteRT on the published file, with all that lies between its layers."""
    if PUBLISHED is None:
        pytest.skip("needs AVNET_YAMNET_TFLITE, the path of the published yamnet.tflite")
    interpreter: Any = importlib.import_module("ai_edge_litert.interpreter")  # of the extra `test`
    with warnings.catch_warnings(action="ignore"):  # that keeping everything takes memory
        runner = interpreter.Interpreter(PUBLISHED, experimental_preserve_all_tensors=True)
    runner.allocate_tensors()
    return runner


@pytest.fixture(scope="module")
def published():
    assert PUBLISHED is not None
    return read_yamnet(Path(PUBLISHED))


SOUNDS = ("noise", "quiet", "silence", "chirp", "clicks")


def sound(name, samples=15_600):
    rng, time = np.random.default_rng(0), np.arange(samples) / 16_000
    waveform = {
        "noise": rng.normal(0, 0.3, samples),
        "quiet": rng.normal(0, 0.003, samples),
        "silence": np.zeros(samples),
        "chirp": 0.3 * np.sin(2 * np.pi * (200 + 1500 * time) * time) + rng.normal(0, 0.003, samples),
        "clicks": (np.arange(samples) % 4000 < 40) * rng.uniform(-1, 1, samples),
    }[name]
    return waveform.clip(-1, 1).astype(np.float32)


def plain(details, values):
    """A tensor of LiteRT as numbers, and their step."""
    (scale,), (zero,) = (details["quantization_parameters"][name] for name in ("scales", "zero_points"))
    return ((values.astype(np.float32) - zero) * scale).astype(np.float32), scale


def tensors(judge, waveform):
    """What LiteRT has in each tensor, by name."""
    judge.set_tensor(0, waveform)
    judge.invoke()
    return {entry["name"]: (entry, judge.get_tensor(entry["index"])) for entry in judge.get_tensor_details()}


@pytest.mark.parametrize("name", SOUNDS)
def test_spectrogram_is_that_of_litert(judge, published, name):
    waveform, front = sound(name), published.config.spectrogram
    _, expected = tensors(judge, waveform)["log_mel_spectrogram"]
    ours = np.asarray(log_spectrogram(waveform[None], front))[0, :, :, 0].T
    assert np.abs(ours - expected).max() <= 1e-4 * np.abs(expected).max()
    _, filters = tensors(judge, waveform)["mel_spectrogram"]
    np.testing.assert_allclose(mel_filterbank(front).T, filters, atol=1e-7)


@pytest.mark.parametrize("name", SOUNDS)
def test_every_layer_is_that_of_litert_to_half_a_step_of_its_numbers(judge, published, name):
    by_name = tensors(judge, sound(name))
    run = nnx.jit(lambda layer, x: layer(x))
    x, _ = plain(*by_name["pre_tower/split"])
    activations = [value for key, value in by_name.items() if "/Relu6;" in key]
    for layer, value in zip((published.network.stem, *published.network.blocks), activations, strict=True):
        expected, step = plain(*value)
        # Each layer is given what LiteRT gave to it, so what is left is the rounding of its own result.
        assert np.abs(np.clip(run(layer, x), 0, 255 * step) - expected).max() <= 0.51 * step
        x = expected
    (vector, step), (logits, logit_step) = (
        plain(*next(value for key, value in by_name.items() if key.endswith(end)))
        for end in ("layer28/reduce_mean", "BiasAdd")
    )
    assert np.abs(x.mean((1, 2)) - vector.reshape(1, -1)).max() <= 0.51 * step
    assert np.abs(published.network.classify(jnp.asarray(vector.reshape(1, -1))) - logits).max() <= 0.51 * logit_step


def test_vectors_and_scores_of_three_seconds_are_those_of_litert(judge, published):
    for name in SOUNDS:
        waveform = sound(name, 48_000)
        vectors, scores = published.embed(waveform[None])[0], published.class_scores(waveform[None])[0]
        padded = np.pad(waveform, (0, 6000))
        assert len(vectors) == 6
        for i, (vector, score) in enumerate(zip(vectors, scores, strict=True)):
            by_name = tensors(judge, padded[7_680 * i : 7_680 * i + 15_600])
            expected, _ = plain(*by_name["tower0/network/layer28/reduce_mean"])
            cosine = vector @ expected.reshape(-1) / np.linalg.norm(vector) / np.linalg.norm(expected)
            assert cosine >= 0.99
            # A logit has steps of .35 there, a quarter of that as a probability; roundings of 27 layers add to it.
            assert np.abs(score - by_name["tower0/network/layer32/final_output"][1][0]).max() <= 0.1


def assert_refusal(file, error, reason):
    with pytest.raises(error, match=reason) as refusal:
        read_yamnet(file)
    assert "\n" not in str(refusal.value) and refusal.value.subject == str(file)
