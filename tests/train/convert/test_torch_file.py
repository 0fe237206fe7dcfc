import io
import os
import pickle
import sys
import zipfile

import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from safetensors.flax import save_file as save_jax_file
from safetensors.numpy import save_file

from avnet.errors import AvnetError, ConfigError, DataError
from train.convert.torch_file import SUFFIXES, read_state_dict, write_state_dict

ARRAYS = {
    "conv.weight": np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32),
    "norm.num_batches_tracked": np.array(7),
    "scale": np.array(-0.0, np.float32),
}


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def torch():
    return need("torch")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"


def tensors(torch):
    return {name: torch.tensor(array) for name, array in ARRAYS.items()}


def assert_same(read, expected=ARRAYS):
    assert read.keys() == expected.keys()
    for name, array in expected.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()


def assert_refusal(file, reason, kind: type[AvnetError] = DataError):
    with pytest.raises(kind, match=reason) as refusal:
        read_state_dict(file)
    assert "\n" not in str(refusal.value) and refusal.value.subject == str(file)


def rewritten(content, change, compression=zipfile.ZIP_STORED):
    """A zip file with other entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def break_content(content, seed):
    """A few bytes changed, or some cut out."""
    random, content = np.random.default_rng(seed), bytearray(content)
    at = random.integers(len(content), size=random.integers(1, 4))
    if seed % 2:
        content[at[0] : at[0] + random.integers(1, 30)] = b""
    else:
        for i in at:
            content[i] = random.integers(256)
    return bytes(content)


def with_broken_pickle(content, seed):
    return rewritten(content, lambda name, part: break_content(part, seed) if name.endswith("data.pkl") else part)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".SAFETENSORS"])
def test_what_is_written_is_read_and_always_the_same_bytes(tmp_path, suffix):
    if suffix.lower() != ".safetensors":
        need("torch")
    for name in ("a", "b"):
        write_state_dict(tmp_path / f"{name}{suffix}", ARRAYS)
    assert_same(read_state_dict(tmp_path / f"a{suffix}"))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_torch_and_its_safetensors_read_what_is_written(torch, file):
    from safetensors.torch import load_file

    write_state_dict(file, ARRAYS)
    write_state_dict(file.with_suffix(".safetensors"), ARRAYS)
    for read in (torch.load(file, weights_only=True), load_file(file.with_suffix(".safetensors"))):
        assert_same({name: read[name].numpy() for name in ARRAYS})


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_state_dict_is_found_in_a_larger_checkpoint(torch, file, wrapper):
    torch.save({"epoch": 3, wrapper: tensors(torch), "optimizer": {"state": {}}}, file)
    assert_same(read_state_dict(file))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_prefix_of_parallel_training_is_taken_off(request, file, suffix):
    with_prefix = {f"module.{name}": array for name, array in ARRAYS.items()}
    if suffix == ".pth":
        torch = request.getfixturevalue("torch")
        torch.save({"state_dict": {name: torch.tensor(array) for name, array in with_prefix.items()}}, file)
    else:
        save_file(with_prefix, file.with_suffix(suffix))
    assert_same(read_state_dict(file.with_suffix(suffix)))


def test_prefix_of_some_names_is_part_of_them(torch, file):
    torch.save({"module.a": torch.zeros(1), "b": torch.zeros(1)}, file)
    assert read_state_dict(file).keys() == {"module.a", "b"}


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_other_precisions_become_float32(torch, file, kind):
    values = torch.tensor([1.0, -0.0, 0.333251953125]).to(getattr(torch, kind))
    torch.save({"a": values, "b": torch.nn.Parameter(values), "count": torch.tensor(2)}, file)
    expected = values.float().numpy()
    assert_same(read_state_dict(file), {"a": expected, "b": expected, "count": np.array(2)})


@pytest.mark.parametrize("kind", [jnp.float16, jnp.bfloat16, np.float64])
def test_other_precisions_of_safetensors_become_float32_without_torch(tmp_path, kind):
    values = np.array([[1.0, -0.0, 0.333251953125]])
    file = tmp_path / "weights.safetensors"
    if kind is np.float64:
        save_file({"a": values}, file)
    else:
        save_jax_file({"a": jnp.asarray(values, kind)}, file)
    assert_same(read_state_dict(file), {"a": values.astype(kind).astype(np.float32)})


def test_what_float32_cannot_hold_is_infinite(tmp_path):
    save_file({"a": np.array([1e300])}, tmp_path / "weights.safetensors")
    assert np.isinf(read_state_dict(tmp_path / "weights.safetensors")["a"])


def test_other_types_in_safetensors_are_refused_by_name(tmp_path):
    save_file({"a": np.zeros(2, np.uint8)}, tmp_path / "weights.safetensors")
    assert_refusal(tmp_path / "weights.safetensors", "'a' is U8, must be one of F64")


@pytest.mark.parametrize("protocol", ["torch", "legacy", "pickle"])
def test_code_in_a_file_is_refused_and_not_run(torch, tmp_path, file, protocol):
    harm = tmp_path / "harm"
    if protocol == "pickle":
        file.write_bytes(pickle.dumps(Code(harm), protocol=2))
    else:
        torch.save({"a": Code(harm)}, file, _use_new_zipfile_serialization=protocol == "torch")
    assert_refusal(file, "other things than plain arrays")
    assert not harm.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0, 3, 100, 300, -1])
def test_truncated_file_is_refused(tmp_path, suffix, share):
    if suffix == ".pth":
        need("torch")
    file = tmp_path / f"weights{suffix}"
    write_state_dict(file, ARRAYS)
    file.write_bytes(file.read_bytes()[:share])
    assert_refusal(file, "is damaged")


@pytest.mark.parametrize("legacy", [False, True])
def test_broken_file_gives_arrays_or_a_refusal(torch, file, legacy):
    torch.save(tensors(torch), file, _use_new_zipfile_serialization=not legacy)
    whole, refusals = file.read_bytes(), 0
    for seed in range(200):
        file.write_bytes(break_content(whole, seed) if legacy else with_broken_pickle(whole, seed))
        try:
            assert all(isinstance(array, np.ndarray) for array in read_state_dict(file).values())
        except DataError as error:
            assert "\n" not in str(error)
            refusals += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    assert 100 < refusals < 200


@pytest.mark.parametrize("value", ["list", "number", "text", "nested", "numbered", "sparse"])
def test_what_is_no_state_dict_is_refused(torch, file, value):
    zeros = torch.zeros(2, 2)
    values = {
        "list": [zeros],
        "number": 5,
        "text": {"a": "b"},
        "nested": {"a": {"b": zeros}},
        "numbered": {1: zeros},
        "sparse": {"a": zeros.to_sparse()},
    }
    torch.save(values[value], file)
    assert_refusal(file, "is not a state dict: ('a'|names)")


def test_array_of_one_number_that_stands_for_many_is_refused(torch, file):
    torch.save({"a": torch.zeros(1).expand(50_000, 50_000)}, file)
    assert_refusal(file, "'a' claims more numbers than the file holds")


def test_compressed_file_is_refused(torch, file):
    torch.save({"a": torch.zeros(100_000)}, file)
    file.write_bytes(rewritten(file.read_bytes(), lambda name, content: content, zipfile.ZIP_DEFLATED))
    assert_refusal(file, "is compressed: it would unpack to 40")


def test_what_is_missing_or_a_folder_is_refused(tmp_path):
    assert_refusal(tmp_path / "nothing.pth", "is missing")
    assert_refusal(tmp_path, "is missing or not a regular file")


def test_without_torch_the_extra_is_named(file, monkeypatch):
    file.write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert_refusal(file, r"pip install 'avnet\[torch\]'", ConfigError)
    with pytest.raises(ConfigError, match=r"pip install 'avnet\[torch\]'"):
        write_state_dict(file, ARRAYS)
    write_state_dict(file.with_suffix(".safetensors"), ARRAYS)
    assert_same(read_state_dict(file.with_suffix(".safetensors")))


def test_file_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        write_state_dict(tmp_path / "nowhere" / "weights.safetensors", ARRAYS)


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.",
        "model._orig_mod.",
        "model.net.",
        "_forward_module.model.",
    ],
)
def test_prefixes_of_wrappers_are_left_out(tmp_path, prefix):
    file = tmp_path / "weights.safetensors"
    write_state_dict(file, {prefix + name: array for name, array in ARRAYS.items()})
    assert_same(read_state_dict(file))


def test_a_compiled_part_and_arrays_of_a_loss_are_left_out(tmp_path):
    file = tmp_path / "weights.safetensors"
    names = {name: f"model.part._orig_mod.{name}" for name in ARRAYS}
    arrays = {names[name]: array for name, array in ARRAYS.items()}
    write_state_dict(file, {**arrays, "criterion.weight": np.ones(2, np.float32)})
    assert_same(read_state_dict(file), {f"part.{name}": array for name, array in ARRAYS.items()})
