"""`python -m data embed`: the same index by processes of this machine and by Beam."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from extras import need
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import ConfigError
from avnet.media import write_wav
from data.__main__ import main
from data.archive.config import EmbedConfig

CARD = "# Card\n\n## Data\nnone\n\n## Metrics\n| metric | value |\n\n## Limits\nall\n"


def test_beam_makes_the_index_that_a_pool_makes(tmp_path, capsys):
    need("apache_beam")
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    Model(config, random_network(config)).save(tmp_path / "model", CARD)
    (tmp_path / "media").mkdir()
    for i in range(3):
        write_wav(tmp_path / "media" / f"{i}.wav", np.random.default_rng(i).normal(0, 0.1, 8000), 8000)
    for index, options in (("pool", ["--workers", "1"]), ("beam", ["--runner", "FnApiRunner"])):
        main(["embed", str(tmp_path / "model"), str(tmp_path / index), str(tmp_path / "media"), *options])
        assert f"{tmp_path / index} holds 0 images and 3 sounds of 3 files" in capsys.readouterr().out
    first, second = (
        {file.name: hashlib.sha256(file.read_bytes()).digest() for file in (tmp_path / index).glob("*.npy")}
        for index in ("pool", "beam")
    )
    assert first == second and len(first) == 1


def test_options_that_do_not_go_together_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="needs a --runner of Apache Beam"):
        EmbedConfig(model="base", index=tmp_path, inputs=(tmp_path,), beam_options=("a=b",))
    with pytest.raises(ConfigError, match="INPUTS: are missing"):
        EmbedConfig(model="base", index=tmp_path, inputs=())
    with pytest.raises(ConfigError, match="--scratch: must be a folder or an address"):
        EmbedConfig(model="m", index=tmp_path, inputs=(tmp_path,), scratch="http://host/jobs")
