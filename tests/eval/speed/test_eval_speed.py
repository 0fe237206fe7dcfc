import io
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from avnet.correspondence.config import ModelConfig
from avnet.errors import ConfigError
from eval.__main__ import main
from eval.speed import flops, parts
from eval.speed.config import PARTS, PaceConfig, Sizes, SpeedConfig
from eval.speed.figures import Measurement, Rounds, Spread, measurement, peaks_of, ratio, short
from eval.speed.machine import ROOT, worktree
from eval.speed.names import HELP, ONNX_IMAGES, ONNX_SOUNDS, OURS, RATIOS, SIDE, TORCH, many, single
from eval.speed.protocol import Answer, Line, Ready, Refusal, Timing, from_line, serve, to_line, way_of
from eval.speed.report.compare import compare
from eval.speed.report.drawing import draw
from eval.speed.report.tables import row
from eval.speed.report.targets import targets
from eval.speed.worker import Unavailable, Worker, WorkerSpec
from eval.speed.workers.synthetic import clustered_vectors, write_records
from train.correspondence import pace


def timing(*seconds, amount=1.0, peak=100, device=None):
    return Timing(seconds, amount, peak, device)


def test_a_spread_is_the_median_between_its_quartiles():
    assert Spread.of([4.0, 1.0, 2.0, 3.0, 100.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread.of([1.0, 2.0]) == Spread(1.5, 1.25, 1.75, 2)
    assert str(Spread(1.2345, 1.0, 2.0, 3)) == "1.23 [1-2]"


def test_rates_ratios_and_shares_are_of_the_same_round():
    # The machine halves its speed in the second round; what is compared does not change.
    ours = Rounds("avnet", "pairs", [timing(2.0, amount=16), timing(4.0, amount=16)], flop=5.0)
    theirs = Rounds("PyTorch", "pairs", [timing(3.0, amount=16), timing(6.0, amount=16)], flop=5.0)
    product = Rounds("product", "products", [timing(0.5), timing(1.0)], flop=25.0, is_peak=True)
    slower = replace(product, timings=[timing(0.6), timing(0.8)])
    assert ours.rates() == [8.0, 4.0]
    assert ratio(ours, theirs) == Spread(1.5, 1.5, 1.5, 2)
    assert peaks_of([ours, theirs, product]) == [50.0, 25.0]
    assert peaks_of([product, slower]) == [50.0, 31.25]  # the faster product of each round
    result = measurement("step", ours, peaks_of([product]))
    assert result.share_of_peak == Spread(0.8, 0.8, 0.8, 2)
    assert result.flop_per_s == 30.0 and result.seconds == Spread(3.0, 2.5, 3.5, 2)


def test_a_measurement_knows_all_samples_and_the_largest_memory():
    rounds = Rounds("x", "queries", [timing(1.0, 3.0, peak=5, device=7), timing(2.0, 4.0, peak=9, device=6)])
    result = measurement("search", rounds)
    assert result.seconds is not None and result.seconds.n == 4 and result.seconds.median == 2.5
    assert result.seconds_p95 == pytest.approx(3.85)  # between the third and the fourth of four, at .95 of three
    assert (result.peak_bytes, result.device_peak_bytes) == (9, 7)
    assert result.rate is not None and result.rate.median == pytest.approx(5 / 12)  # 2 in 4 s, and 2 in 6 s
    assert (result.rate.low, result.rate.high) == pytest.approx((3 / 8, 11 / 24))
    assert result.flop_per_s is None and result.share_of_peak is None


def test_figures_are_printed_with_three_digits():
    assert [short(x) for x in (30.9e9, 1234.0, 0.01234, 2e12, float("nan"))] == ["30.9G", "1.23k", "0.0123", "2T", "-"]
    unknown = Measurement("step", "PyTorch", "pairs", reason="it is not installed")
    assert row(unknown) == ("PyTorch", *"--------")


def test_arithmetic_is_counted_from_the_sizes():
    # By hand: 8 x 6 becomes 4 x 3 cells, 9 taps, 3 -> 2 and 2 -> 2 channels; then pools to 2 x 1, and to 1 x 0.
    assert flops.tower_macs(3, 8, 6, (2, 1, 1, 1)) == 4 * 3 * 9 * (3 * 2 + 2 * 2) + 2 * 1 * 9 * (2 * 1 + 1)
    assert flops.tower_macs(1, 257, 199, (64, 0, 0, 0)) == 129 * 100 * 9 * (64 + 64 * 64)
    assert flops.pair_macs(ModelConfig.ave_net()) == pytest.approx(5.1e9, rel=0.01)
    assert flops.step_flop(ModelConfig.ave_net()) == pytest.approx(31e9, rel=0.01)
    assert flops.product_flop(10) == 2000


def test_answers_survive_the_pipe_and_others_are_refused():
    for answer in (Ready({"a": 1, "b": "c"}), timing(0.5, 0.25, amount=3.0, device=4), Refusal("no memory")):
        assert from_line(to_line(answer)) == answer
    for line in ('{"kind": "Other"}', "[1]", "text"):
        with pytest.raises(ValueError):
            from_line(line)


def answers_in(out: io.StringIO) -> tuple[Answer, list[Timing]]:
    ready, *answers = map(from_line, out.getvalue().splitlines())
    assert all(isinstance(answer, Timing) for answer in answers)
    return ready, [answer for answer in answers if isinstance(answer, Timing)]


def test_a_worker_answers_each_request_until_there_are_no_more():
    calls, out = [], io.StringIO()
    serve(Line(io.StringIO("a\nb\na\n"), out), {n: way_of(lambda n=n: calls.append(n), 2, 3) for n in "ab"}, {"x": 1})
    ready, answers = answers_in(out)
    assert ready == Ready({"x": 1}) and calls == [*"aaabbbaaa"]
    assert [len(answer.seconds) for answer in answers] == [3, 3, 3]
    assert all(answer.amount == 2 and answer.peak_bytes > 1 << 20 for answer in answers)


WORKER = """
import json, sys, time
from eval.speed import protocol
options = json.loads(sys.argv[1])
protocol.TRACE_S = options.get("trace_s", 60)
with protocol.line_of_process() as line:
    print("a library prints")
    if not options:
        raise RuntimeError("out of\\nmemory")
    time.sleep(options.get("sleep_s", 0))
    protocol.serve(line, {"die": lambda: sys.exit(3), "print": protocol.way_of(lambda: print("more"), 5)}, {"pid": 1})
"""


def test_a_worker_process_may_print_refuse_and_die(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}")
    log = tmp_path / "log"
    with Worker(WorkerSpec("toy", {"a": 1}), tmp_path, {}, log) as worker:
        worker.wait_ready()
        assert worker.facts == {"pid": 1} and worker.measure("print").amount == 5
        with pytest.raises(Unavailable, match="its process ended with 3"):
            worker.measure("die")
    assert log.read_text().splitlines() == ["a library prints", "more"]
    with Worker(WorkerSpec("toy", {}), tmp_path, {}, log) as worker, pytest.raises(Unavailable, match="out of memory"):
        worker.wait_ready()


def test_a_worker_that_takes_long_to_get_ready_writes_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}")
    log = tmp_path / "log"
    with Worker(WorkerSpec("toy", {"trace_s": 0.1, "sleep_s": 0.5}), tmp_path, {}, log) as worker:
        worker.wait_ready()
        assert "Thread" in log.read_text() and "toy.py" in log.read_text()
        time.sleep(0.3)
        before = log.read_text()
        time.sleep(0.3)
        assert log.read_text() == before  # no longer once it is ready


def test_training_is_timed_between_the_steps_that_count():
    out = io.StringIO()
    options = PaceConfig("loop", "small", batch_size=4, repeats=3, lead=2)
    between = pace.BetweenSteps(Line(io.StringIO("loop\nloop\n"), out), {"x": 1}, options)
    with pytest.raises(pace.EndOfRequests):
        for step in range(1, 100):
            between(step, {"loss": jnp.float32(0)})
    assert step == 11  # the first compiles, then twice two that lead and three that count
    ready, answers = answers_in(out)
    assert ready == Ready({"x": 1}) and [answer.amount for answer in answers] == [12, 12]


def measurement_of(part, name, seconds=1.0, amount=1.0, share=None, facts=None):
    result = measurement(part, Rounds(name, "units", [timing(seconds, amount=amount)], facts=facts))
    return replace(result, share_of_peak=None if share is None else Spread(share, share, share, 1))


def same(value):
    return Spread(value, value, value, 1)


def test_targets_of_a_cpu_are_reached_at_their_bounds_and_missed_beyond():
    result = [
        measurement_of("step", OURS, share=0.70),
        measurement_of("overlay", OURS, seconds=2.0, amount=99),
        measurement_of("search", single(1_000_000), seconds=0.15),
        measurement_of("search", many(1_000_000), seconds=4.1, amount=1000),
        measurement_of("search", SIDE, seconds=0.002, facts={"recall": 0.94}),
        measurement_of("start", HELP, seconds=0.6),
    ]
    promises = targets("cpu", result, {"step": same(1.1), "inference": same(1.19), "describe": same(3.0)}, 16, 100.0)
    assert [target.passes for target in promises] == [
        *(True, True, False),  # step by PyTorch's and by the peak, inference
        True,  # descriptions by PyTorch's
        False,  # 49.5 frames a second are 1.98 times real time
        *(True, False, True, False),  # exact, many at once, side index, its recall
        *(False, None),  # help, search
    ]
    assert [target.figure for target in promises[4:7]] == pytest.approx([1.98, 150, 4.1])
    assert str(promises[0]).startswith("reached ") and ": 1.1 x (target: at least 1.1)" in str(promises[0])
    assert str(promises[2]).startswith("MISSED ") and str(promises[-1]).startswith("not measured ")


def test_targets_of_a_gpu_want_a_large_batch_and_eight_minutes():
    ratios = {"step": same(1.3), "loop": same(0.89)}
    promises = targets("gpu", [measurement_of("step", OURS, share=0.5)], ratios, 1024, 481.0)
    assert [target.passes for target in promises] == [True, True, False, False]
    promises = targets("gpu", [measurement_of("step", OURS, share=0.5)], ratios, 512, 480.0)
    assert [target.passes for target in promises] == [None, None, False, True]


def test_every_part_has_its_contenders_and_says_what_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(parts.importlib.util, "find_spec", lambda name: None)
    config = SpeedConfig()
    parts_by_name = {name: parts.part_of(name, config, tmp_path) for name in config.parts}
    assert tuple(parts_by_name) == PARTS
    without = {item.name: item.without for part in parts_by_name.values() for item in part.contenders if item.without}
    assert without[TORCH] == "PyTorch is not installed: pip install 'avnet[torch]'" and "avnet[faiss]" in without[SIDE]
    assert "avnet[onnx]" in without[ONNX_IMAGES] and without[ONNX_SOUNDS] == without[ONNX_IMAGES]
    assert not parts_by_name["search"].contenders[-1].worker.options.side
    for part in parts_by_name.values():
        assert part.rounds >= 3
        assert {*RATIOS.get(part.name, ())} <= {item.name for item in part.contenders}
        for item in part.contenders:
            assert json.loads(item.worker.command()[-1])
    both = parts_by_name["step"].contenders[:2]
    assert both[0].flop == both[1].flop == pytest.approx(31e9, rel=0.01)


def test_the_suite_of_a_gpu_leaves_out_what_it_has_no_part_in():
    assert SpeedConfig("gpu").parts == ("step", "inference", "spectrogram", "pipeline", "loop")
    assert SpeedConfig("gpu").sizes.batch_size == 1024 and SpeedConfig("gpu").sizes.compute == "bfloat16"
    assert SpeedConfig(only="search,step").parts == ("step", "search")
    sizes = SpeedConfig(batch_size=8, rounds=2, threads=3, compute="bfloat16").sizes
    assert (sizes.batch_size, sizes.threads, sizes.compute) == (8, 3, "bfloat16") and set(sizes.rounds.values()) == {2}
    assert SpeedConfig(quick=True).sizes == Sizes.quick()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "step,sleep"], "--only: must be names out of step, inference"),
        (["--rounds", "0"], "--rounds: must be at least 1, got 0"),
        (["--batch-size", "1"], "--batch-size: must be at least 2"),
        (["--compare", "a.json", "b.json"], "a.json: is not a speed.json"),
        (["--compare", "a.json", "b.json", "--compare-with", "HEAD"], "--compare, --compare-with: "),
        (["--suite", "tpu"], "cpu"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_info:
        main(["speed", *arguments])
    err = capsys.readouterr().err
    assert exit_info.value.code == 2 and said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_gpu_suite_without_a_gpu_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("eval.speed.machine.accelerator", lambda environment: "cpu")
    with pytest.raises(SystemExit):
        main(["speed", "--suite", "gpu", "--out", str(tmp_path / "out")])
    assert "--suite: gpu needs an accelerator" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_commit_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be a commit"), worktree("no-such-commit", tmp_path / "other"):
        pass


def test_two_runs_are_compared_where_both_measured(tmp_path):
    def write_run(name, rates, **facts):
        items = []
        for key, (median, low, high) in rates.items():
            rate = median and {"median": median, "low": low, "high": high}
            items.append({"part": "step", "name": key, "unit": "pairs", "rate": rate})
        (tmp_path / name).write_text(json.dumps({"format": "avnet-speed-1", "measurements": items, **facts}))
        return tmp_path / name

    old = write_run("old.json", {"a": (4, 3, 5), "b": (4, 3, 5), "c": (4, 3, 5), "d": (None, 0, 0)}, commit="one")
    new = write_run("new.json", {"a": (6, 5, 7), "b": (8, 6, 9), "c": (2, 1, 2.5), "d": (1, 1, 1)}, commit="two")
    lines = compare(old, new)
    assert lines[0] == "commit differs: one and two"
    assert [line.split()[-2:] for line in lines[2:]] == [["1.50", "same"], ["2.00", "faster"], ["0.50", "SLOWER"]]


def test_clustered_vectors_lie_about_their_centres():
    rows = clustered_vectors(400, 128, 1, clusters=4)
    cosines = rows @ rows.T
    near = cosines[cosines > 0.4]
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    assert near.size == pytest.approx(400 * 400 / 4, rel=0.1) and near.mean() == pytest.approx(0.64, abs=0.03)
    assert np.array_equal(rows, clustered_vectors(400, 128, 1, clusters=4))
    assert not np.array_equal(rows, clustered_vectors(400, 128, 2, clusters=4))


def test_drawn_records_open_as_those_of_data_prepare(tmp_path):
    from data.records.records import open_split

    write_records(tmp_path / "records", 3)
    train = open_split(tmp_path / "records", "train", 48_000)
    assert len(train) == 3 and len(train[0].frames) == 10 and len(train[0].waveform) == 480_000
    assert train[0].video != train[1].video


def test_a_plot_can_be_drawn_of_what_was_and_was_not_measured():
    result = [measurement_of("step", OURS, share=0.5), Measurement("step", TORCH, "pairs", reason="none")]
    promises = targets("cpu", result, {"step": same(1.2)}, 16, 1.0)
    figure = draw(result, {"step": same(1.2)}, promises, quick=False)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == ["step: avnet 1.20 [1.20-1.20] times PyTorch", "targets"]


def run_quick(out: Path, *more: str) -> tuple[dict, str]:
    command = [sys.executable, "-m", "eval", "speed", "--quick", "--out", str(out), *more]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    with Image.open(out / "speed.png") as plot:
        assert plot.width > 500
    return json.loads((out / "speed.json").read_text()), process.stdout


def check(report: dict) -> None:
    """All that could be measured was, and every figure is there."""
    for item in report["measurements"]:
        assert item["reason"] is None or "is not installed" in item["reason"], item
        if item["reason"] is None:
            assert 0 < item["rate"]["low"] <= item["rate"]["median"] <= item["rate"]["high"]
            assert item["peak_bytes"] > 1 << 24 and item["seconds"]["n"] >= 2
    assert report["format"] == "avnet-speed-1" and report["targets"] == []
    assert report["machine"]["versions"]["jax"] and report["machine"]["cores"] >= 1


def test_a_quick_run_measures_a_step_and_searches(tmp_path):
    report, output = run_quick(tmp_path / "out", "--only", "step,search")
    check(report)
    result = {(item["part"], item["name"]): item for item in report["measurements"]}
    ours = result["step", OURS]
    assert ours["share_of_peak"]["median"] > 0 and ours["facts"]["compute"] == "float32"
    assert ours["flop_per_s"] == pytest.approx(
        ours["rate"]["median"] * flops.step_flop(ModelConfig.small("ave")), rel=1e-6
    )
    assert result["search", single(300)]["seconds"]["n"] == 6
    assert "whose figures mean nothing" in output and "300 rows, one query" in output


@pytest.mark.slow
def test_a_quick_run_measures_every_part(tmp_path):
    report, _ = run_quick(tmp_path / "out")
    check(report)
    assert {item["part"] for item in report["measurements"]} == set(PARTS)
