import numpy as np
from extras import need

import avnet
from avnet.export.exported import Exported


def test_exported_model_is_the_model(run, models, tmp_path):
    code, out, err = run("export", models / "ave", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{tmp_path}/out/image_encoder.jax: images uint8 [batch, 32, 32, 3] -> image_embedding float32 [batch, 8]",
        f"{tmp_path}/out/sound_encoder.jax: waveforms float32 [batch, 48000] -> sound_embedding float32 [batch, 8]",
        f"{tmp_path}/out/scorer.jax: image_embedding float32 [batch, 8], sound_embedding float32 [batch, 8]"
        " -> log_odds float32 [batch]",
        f"how to run them: {tmp_path}/out/README.md",
    ]
    result, model = Exported.load(tmp_path / "out"), avnet.load(models / "ave")
    assert result.manifest.fingerprint == model.fingerprint
    sounds = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32)
    np.testing.assert_allclose(result.sound_encoder(sounds), model.embed_waveforms(sounds), rtol=0, atol=1e-5)


def test_onnx_is_written_by_choice(run, models, tmp_path):
    need("onnx")
    code, out, _ = run("export", models / "avol", "--out", tmp_path / "out", "--format", "onnx")
    assert code == 0 and "heatmap.onnx" in out
    assert len(list((tmp_path / "out").glob("*.onnx"))) == 4


def test_folders_of_something_else_are_refused_before_the_model_is_read(refusal_of, models, tmp_path):
    line = refusal_of("export", models / "ave", "--out", models / "ave")
    assert line == f"error: {models / 'ave'}: is a model, not an exported model"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    assert "is neither empty nor an exported model" in refusal_of("export", models / "ave", "--out", tmp_path / "other")
    (tmp_path / "file").write_text("mine")
    assert "is not a folder" in refusal_of("export", models / "ave", "--out", tmp_path / "file")


def test_what_is_no_model_is_refused(refusal_of, tmp_path):
    assert (
        refusal_of("export", tmp_path / "none", "--out", tmp_path / "out") == f"error: {tmp_path}/none: does not exist"
    )
    assert not (tmp_path / "out").exists()
