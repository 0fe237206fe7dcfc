"""A plan is arithmetic: worked by hand with round rates."""

import json
from typing import Any

import pytest

from avnet.errors import OptionError
from eval.plan.config import PlanConfig
from eval.plan.plan import plan
from eval.plan.program import as_text, show_plan

ROUND: dict[str, Any] = {
    "prepare_speed": 10.0,
    "decode_speed": 20.0,
    "core_embed_rate": 10.0,
    "chip_embed_rate": 1000.0,
    "chip_train_rate": 500.0,
    "loader_rate": 100.0,
    "video_gb_per_hour": 1.0,
    "record_kb": 100.0,
    "row_table_bytes": 50.0,
    "side_row_bytes": 100.0,
    "exact_ms_per_million": 20.0,
    "link_gb_s": 1.0,
    "network_gb_s": 1.0,
    "chip_tflops": 1.0,
}


def test_an_archive_on_cores_alone():
    # 100 hours are 360,000 pairs; at 10 pairs a second a core embeds them in 10 hours, and decodes them in 5.
    result = plan(PlanConfig(**ROUND, hours=100.0, cores=5))
    assert (result.pairs, result.rows) == (360_000, 720_000)
    prepare, index = result.steps
    assert (prepare.core_hours, prepare.wall_hours, prepare.limit) == (10, 2, "cores")
    assert (index.core_hours, index.chip_hours, index.wall_hours, index.limit) == (15, 0, 3, "cores")
    assert result.storage_gb == pytest.approx(
        {
            "video": 100,
            "records": 36,
            "vectors of the index": 0.36864,
            "tables of the index": 0.036,
            "side index": 0.072,
        }
    )
    assert result.network_gb == 200
    assert result.exact_ms == pytest.approx(14.4)


def test_an_archive_with_chips():
    config = PlanConfig(**ROUND, hours=100.0, cores=10, chips=2, epochs=5.0, batch=1000, size=125)
    prepare, train, index = plan(config).steps
    assert prepare.wall_hours == 1
    # 1.8 million pairs: an hour of one chip at 500 a second, five of a core at 100, and ten cores load them.
    assert (train.core_hours, train.chip_hours) == (5, 1)
    # 900 steps of 2,000 pairs. Each receives a million bytes of the other chip in .001 s; 1,000 x 2,000 scores of 125
    # numbers, three times, are 1.5e9 FLOP in .0015 s.
    assert train.wall_hours == pytest.approx(0.5 + 900 * 0.0025 / 3600)
    assert train.limit == "chips"
    assert (index.core_hours, index.chip_hours, index.wall_hours, index.limit) == (5, 0.1, 0.5, "cores")


def test_where_each_limit_lies():
    config = PlanConfig(**ROUND, cores=10, chips=2, batch=1000, size=125, memory_gb=1.0, answer_ms=100.0)
    result = plan(config)
    assert result.loader_chips == 2  # 1,000 pairs a second
    # A step takes 2 s by itself: two thousand other chips with a million bytes each, or 2,667 with .00075 s of scores.
    assert result.gather_chips == pytest.approx(2001)
    assert result.score_chips == pytest.approx(2 / 0.00075)
    assert result.side_from == pytest.approx(100 / (20 * 125 / 128) * 1e6) and result.lance_from == 1e7


@pytest.mark.parametrize(("hours", "engine"), [(100.0, "exact"), (1000.0, "side index"), (2000.0, "LanceDB")])
def test_the_first_engine_that_answers_in_time_and_fits(hours, engine):
    # 7,200 rows an hour; exact up to 5 million, in memory up to 10 million.
    assert plan(PlanConfig(**ROUND, hours=hours, memory_gb=1.0, answer_ms=100.0)).engine == engine


def test_a_slow_network_limits():
    prepare, index = plan(PlanConfig(**{**ROUND, "network_gb_s": 0.001}, hours=100.0, cores=1000)).steps
    assert prepare.limit == index.limit == "network" and prepare.wall_hours == pytest.approx(1e5 / 3600)


def test_every_assumption_is_printed_and_written(tmp_path, capsys):
    config = PlanConfig(hours=1e6, cores=2000, chips=64, out=tmp_path / "plan.json")
    show_plan(config)
    text = capsys.readouterr().out
    for name, value in ROUND.items():
        assert f"  {name} = {getattr(config, name):g}: " in text
        assert value != getattr(config, name) or name in ROUND
    assert "search: LanceDB" in text and "the loader limits from 110.1 chips on" in text
    written = json.loads((tmp_path / "plan.json").read_text())
    assert written["config"]["hours"] == 1e6 and written["plan"]["rows"] == 7.2e9
    assert "training" not in as_text(PlanConfig(), plan(PlanConfig()))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"hours": 0.0}, "hours: must be more than 0, got 0"),
        ({"cores": 0}, "cores: must be at least 1, got 0"),
        ({"chips": -1}, "chips: must be at least 0, got -1"),
        ({"loader_rate": float("nan")}, "loader_rate: must be more than 0, got nan"),
    ],
)
def test_what_cannot_be_is_refused(options, reason):
    with pytest.raises(OptionError) as refusal:
        PlanConfig(**options)
    assert str(refusal.value) == reason
