"""The codes of a WaveNet-VQ as units, and their folder."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from media.forged import forge_arrays, forge_config
from one_of_each import wavenet_vq
from spoken.vowels import vowels

from avnet.audio.mfcc import mfcc
from avnet.errors import ConfigError, ModelFolderError
from avnet.units.registry import read_any_units
from avnet.units.units import Units
from avnet.units.wavenet_vq.units import WaveNetVQUnits

WAVEFORM = vowels([0, 1, 2, 1, 0, 2, 0, 1, 1, 2])


@pytest.fixture(scope="module")
def units() -> WaveNetVQUnits:
    """Random, but for codes that lie where vectors are."""
    network, cepstra = wavenet_vq().network, mfcc(WAVEFORM)
    network.standard.measure(cepstra)
    vectors, _ = nnx.jit(lambda network, x: network.vectors(x, jnp.array([len(cepstra)])))(network, cepstra[None])
    network.quantizer.codes[...] = vectors[0, ::13][:8]
    return WaveNetVQUnits(network, 0.01)


@pytest.fixture
def folder(units, tmp_path):
    units.save(tmp_path / "units", validation={"reconstruction": 0.5})
    return tmp_path / "units"


def test_recordings_of_a_batch_are_as_if_alone(units):
    waveforms = [WAVEFORM[:n] for n in (9_000, 399, 4_321, 16_000)]
    strings = units.encode_all(waveforms)
    for waveform, string in zip(waveforms, strings, strict=True):
        alone = units.encode(waveform)
        assert alone.units.tolist() == string.units.tolist() and alone.starts.tolist() == string.starts.tolist()
        assert string.frames == len(mfcc(waveform))
    assert not len(strings[1].units) and not units.encode_all([])
    long = strings[3]
    assert len(long.units) > 2 and not (long.starts % 2).any() and long.durations.sum() == long.frames == 98
    assert long.units.min() >= 0 and long.units.max() < units.count == 8
    assert isinstance(units, Units) and units.lexicon is None and units.frames_per_step == 2


def test_a_change_that_costs_more_is_made_less_often(units):
    costs, steps = units.costs([mfcc(WAVEFORM)])[0], -(-len(mfcc(WAVEFORM)) // 2)
    prices = (0.0, 2 * float(np.median(costs[:steps])), 1e9)
    free, dear, never = (WaveNetVQUnits(units.network, price).encode(WAVEFORM) for price in prices)
    assert len(free.units) > len(dear.units) > len(never.units) == 1
    # Without a price it is the nearest code of each step.
    assert np.repeat(free.units, free.durations)[::2].tolist() == costs[:steps].argmin(axis=-1).tolist()


def test_folder_is_read_again(units, folder):
    again = read_any_units(folder)
    assert isinstance(again, WaveNetVQUnits) and again.fingerprint == units.fingerprint == again.save(
        folder.parent / "b"
    )
    waveform = WAVEFORM[:8_000]
    assert again.encode(waveform).units.tolist() == units.encode(waveform).units.tolist()
    assert WaveNetVQUnits(units.network, 9.0).fingerprint != units.fingerprint
    facts = json.loads((folder / "artifact.json").read_text())["facts"]
    assert facts == {"validation": {"reconstruction": 0.5}}


@pytest.mark.parametrize(
    "change",
    [
        dict.clear,
        lambda config: config.update(codes=1 << 30),
        lambda config: config.update(decoder={"kind": "parrot"}),
        lambda config: config.update(decoder=3),
        lambda config: config["decoder"].update(width=1e9),
        lambda config: config.update(penalty=-1.0),
        lambda config: config.update(penalty="dear"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_one_line(folder, change):
    forge_config(folder, change)
    with pytest.raises(ModelFolderError, match="is not a WaveNet-VQ, or damaged") as refusal:
        read_any_units(folder)
    assert "\n" not in str(refusal.value)


def test_damaged_arrays_and_wrong_penalties_are_refused(units, folder):
    forge_arrays(folder, lambda arrays: arrays.update({"quantizer.codes": np.zeros((9, 4), np.float32)}))
    with pytest.raises(ModelFolderError, match=r"quantizer\.codes"):
        read_any_units(folder)
    for penalty in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="penalty"):
            WaveNetVQUnits(units.network, penalty)
