"""Vision and audio transformers of the package `transformers`, of small sizes and with random weights."""

import json

import torch  # pyright: ignore[reportMissingImports]: an extra
from safetensors.numpy import load_file

from judges.transformers_judge import transformers

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
MLP = {"intermediate_size": 64, "image_size": 64, "patch_size": 16}


def random_vit(name, registers=0):
    """A twin in evaluation mode whose every array is random."""
    if name == "dinov2":
        config = {**SMALL, "mlp_ratio": 2, "image_size": 56, "patch_size": 14}
        if registers:
            config = transformers.Dinov2WithRegistersConfig(**config, num_register_tokens=registers)
            return randomize(transformers.Dinov2WithRegistersModel(config))
        return randomize(transformers.Dinov2Model(transformers.Dinov2Config(**config)))
    if name == "clip":
        config = transformers.CLIPVisionConfig(**SMALL, **MLP, projection_dim=24)
        return randomize(transformers.CLIPVisionModelWithProjection(config))
    config = transformers.ViTMAEConfig(
        **SMALL, **MLP, mask_ratio=0.0, layer_norm_eps=1e-6, decoder_hidden_size=16, decoder_num_hidden_layers=1
    )
    return randomize(transformers.ViTMAEForPreTraining(config))


def randomize(model):
    """The same model in evaluation mode, with random arrays that are not small."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            noise = torch.randn(parameter.shape, generator=generator)
            is_scale = parameter.ndim == 1 and name.endswith(("weight", "lambda1"))
            parameter.copy_(is_scale + (0.2 if parameter.ndim < 2 or "token" in name else 0.3) * noise)
    return model.eval()


def saved_arrays(model, folder):
    """The arrays of a file that `save_pretrained` writes, in the names of the Hub."""
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"]
    return load_file(folder / "model.safetensors")


@torch.no_grad()
def vit_tokens(model, images):
    """Last tokens, normalized and projected, and the tokens before the first block and after each."""
    pixels = torch.as_tensor(images).permute(0, 3, 1, 2)
    kind = model.config.model_type
    if kind == "clip_vision_model":
        outputs = model.vision_model(pixels, interpolate_pos_encoding=True, output_hidden_states=True)
        last = model.visual_projection(model.vision_model.post_layernorm(outputs.last_hidden_state))
    elif kind == "vit_mae":
        # Without noise the order of the patches would be a random one.
        count = (pixels.shape[2] // 16) * (pixels.shape[3] // 16)
        noise = torch.arange(count, dtype=torch.float32).expand(len(pixels), count)
        outputs = model.vit(pixels, noise=noise, interpolate_pos_encoding=True, output_hidden_states=True)
        last = outputs.last_hidden_state
    else:
        outputs = model(pixels, output_hidden_states=True)
        last = outputs.last_hidden_state
    return last.numpy(), [state.numpy() for state in outputs.hidden_states]


def random_ast(frames=128, classes=527):
    """AST of small sizes whose every array is random, for spectrograms of so many frames."""
    sizes = {**SMALL, "intermediate_size": 64, "layer_norm_eps": 1e-6, "max_length": frames, "num_labels": classes}
    return randomize(transformers.ASTForAudioClassification(transformers.ASTConfig(**sizes)))


@torch.no_grad()
def ast_outputs(model, values, positions=None):
    """Last tokens, vectors, logits, and the tokens before the first block and after each; of normalized spectrograms.

    Args:
        model: its positions are those of its own length.
        values: [batch, frames, bins].
        positions: in place of its own, for another length.
    """
    base = model.audio_spectrogram_transformer
    own = base.embeddings.position_embeddings.data
    if positions is not None:
        base.embeddings.position_embeddings.data = torch.as_tensor(positions)
    outputs = base(torch.as_tensor(values), output_hidden_states=True)
    base.embeddings.position_embeddings.data = own
    logits = model.classifier(outputs.pooler_output)
    parts = (outputs.last_hidden_state, outputs.pooler_output, logits)
    return *(part.numpy() for part in parts), [state.numpy() for state in outputs.hidden_states]


def kaldi_spectrogram(waveform):
    """torchaudio's log mel filterbank of Kaldi, as AST's authors call it: [frames, 128]."""
    from judges.torchaudio_judge import torchaudio

    return torchaudio.compliance.kaldi.fbank(
        torch.as_tensor(waveform)[None],
        htk_compat=True,
        sample_frequency=16_000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_shift=10,
    ).numpy()
