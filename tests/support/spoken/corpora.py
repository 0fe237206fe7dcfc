"""Small corpora of spoken descriptions, and sounds that are speech or are not."""

import csv
import functools
import json
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

RATE = 16_000
HEADER = ("image", "recording", "speaker", "text", "split")


def vowel(seconds: float = 0.5, hz: float = 120.0, rate: int = RATE) -> np.ndarray:
    """The harmonics of a voice with a formant at 500 Hz."""
    time = np.arange(round(seconds * rate)) / rate
    parts = [np.sin(2 * np.pi * hz * k * time) / (1 + ((hz * k - 500) / 200) ** 2) for k in range(1, 20)]
    return (0.1 * np.sum(parts, axis=0)).astype(np.float32)


def make_image(path: Path, seed: int = 0) -> Path:
    """An image of noise that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)).save(path)
    return path


def make_recording(path: Path, seconds: float = 0.5) -> Path:
    """A wav in which somebody says one vowel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:  # write_wav waits for the disk
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(vowel_wav(seconds))
    return path


@functools.cache
def vowel_wav(seconds: float) -> bytes:
    """The samples of a vowel."""
    return (vowel(seconds) * 32767).round().astype("<i2").tobytes()


def make_media(folder: Path, images: int = 3, captions: int = 2) -> list[tuple[str, str]]:
    """Images p0.png, ... with recordings p0_0.wav, ...; returns the names of each pair."""
    pairs = []
    for i in range(images):
        make_image(folder / f"p{i}.png", i)
        for k in range(captions):
            make_recording(folder / f"p{i}_{k}.wav")
            pairs.append((f"p{i}.png", f"p{i}_{k}.wav"))
    return pairs


def make_table(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, **form) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **form).writerows([header, *rows])
    return path


def make_csv_corpus(folder: Path, text: str = "A dog runs .", split: str = "train") -> Path:
    """Three images with two descriptions each."""
    rows = [(image, recording, "slt", text, split) for image, recording in make_media(folder)]
    make_table(folder / "corpus.csv", rows)
    return folder


def make_json_corpus(folder: Path, text: str = "A DOG RUNS", name: str = "SpokenCOCO_val.json") -> Path:
    """The shape of SpokenCOCO."""
    entries: dict[str, list[dict[str, str]]] = {}
    for image, wav in make_media(folder):
        entries.setdefault(image, []).append({"text": text, "speaker": "m1", "uttid": f"m1-{wav}", "wav": wav})
    data = [{"image": image, "captions": captions} for image, captions in entries.items()]
    (folder / name).write_text(json.dumps({"data": data}))
    return folder / name


def make_flickr8k(folder: Path, text: str = "A dog runs .") -> Path:
    """The shape of the Flickr Audio Caption Corpus, with the images and the texts beside it."""
    pairs = [(image, f"p{i // 2}_{i % 2}.wav") for i, (image, _) in enumerate(make_media(folder / "Flicker8k_Dataset"))]
    audio, texts = folder / "flickr_audio", folder / "Flickr8k_text"
    texts.mkdir()
    for _, wav in pairs:
        make_recording(audio / "wavs" / wav)
    rows_of_pairs = [(image, wav, wav[-5]) for image, wav in pairs]
    (audio / "wav2capt.txt").write_text("".join(f"{wav} {image} #{k}\n" for image, wav, k in rows_of_pairs))
    (audio / "wav2spk.txt").write_text("".join(f"{wav} 7\n" for _, wav in pairs))
    (texts / "Flickr8k.token.txt").write_text("".join(f"{image}#{k}\t{text}\n" for image, _, k in rows_of_pairs))
    for name, image in (("train", "p0"), ("dev", "p1"), ("test", "p2")):
        (texts / f"Flickr_8k.{name}Images.txt").write_text(f"{image}.png\n")
    return audio


def make_stamps(folder: Path, text: str = "Un chien.") -> Path:
    """Stamps of Tux Paint: a dog, two apples, a seven, and a drawing."""
    for i, name in enumerate(("animals/dog", "food/apple", "food/apple_red", "math/7")):
        make_image(folder / f"{name}.png", i)
    (folder / "town").mkdir()
    (folder / "town" / "house.svg").write_text("<svg/>")
    for name in ("animals/dog", "animals/dog_desc", "animals/dog_desc_fr", "animals/dog_desc_pt_BR", "food/apple_red"):
        make_recording(folder / f"{name}.wav")
    for name in ("food/apple_desc_fr", "math/7", "math/7_fr", "town/house_desc_fr"):
        make_recording(folder / f"{name}.wav")
    (folder / "animals" / "dog.txt").write_text(f"A dog.\nfr.utf8={text}\npt_BR.utf8={text}\n")
    return folder
