import re

import pytest
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError
from train.demo.config import DemoConfig, ScratchDemoConfig
from train.demo.program import demo


@pytest.mark.parametrize(
    ("config", "option", "value"),
    [
        (DemoConfig, "clips", 19),
        (DemoConfig, "steps", 0),
        (DemoConfig, "classes", 1),
        (DemoConfig, "seed", -1),
        (ScratchDemoConfig, "classes", 1),
        (ScratchDemoConfig, "describer_steps", -1),
    ],
)
def test_numbers_out_of_range_are_refused(config, option, value):
    with pytest.raises(AvnetError, match=f"--{option.replace('_', '-')}"):
        config(**{option: value})


def test_the_demos_do_not_share_a_folder():
    assert DemoConfig().out != ScratchDemoConfig().out


def test_a_model_that_does_not_both_search_and_localize_is_refused_before_the_work(tmp_path):
    config = ModelConfig.small("ave")
    Model(config, random_network(config)).save(tmp_path / "ave")
    with pytest.raises(AvnetError, match=re.escape(f"{tmp_path / 'ave'}: is a network of the kind 'ave'")):
        demo(DemoConfig(model=tmp_path / "ave", out=tmp_path / "demo"))
    assert not (tmp_path / "demo").exists()
