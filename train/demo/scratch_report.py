"""The demo's page: what was asked, what was reached, and what it looks and sounds like."""

from dataclasses import dataclass
from pathlib import Path

from avnet.files.whole import write_text
from avnet.media.image import read_image
from avnet.pages.html import Html, figure, page, paragraph, section, table, video
from train.demo.material import Material
from train.demo.sections import of_class, results_of, search_sections_of, times_section
from train.demo.spoken import spoken_section

IMAGE_SIDE = 1100


@dataclass(frozen=True)
class Outcome:
    """One figure beside what it should reach and what needs no learning; all shares in [0, 1].

    Attributes:
        name: in words.
        value: on held-out clips.
        target: what the demo is to reach.
        baseline: of chance, or of the trivial predictor named in `against`.
        against: what the baseline is.
        above: whether the target is a floor, else it is a ceiling.
    """

    name: str
    value: float
    target: float
    baseline: float
    against: str
    above: bool = True

    @property
    def passes(self) -> bool:
        """Whether the value is on the right side of the target."""
        return self.value >= self.target if self.above else self.value <= self.target


def write_report(
    file: Path, out: Path, material: Material, ave: Path, seconds: dict[str, float], *, with_speech: bool
) -> None:
    """Writes the page.

    Args:
        file: of the page.
        out: folder of the demo.
        material: of the demo.
        ave: model folder to search with.
        seconds: that each part took.
        with_speech: whether it learned to speak.
    """
    intro = f"{material.sentence}, composed into videos with silent distractors. No label was read in training."
    body = [
        paragraph(intro),
        section("Reached on clips that were held out", _targets(outcomes(out / "eval"))),
        section("Where does the sound come from?", *_localization(out)),
        *search_sections_of(ave, out / "index", material.sounding_videos()[-1]),
        *([spoken_section(out)] if with_speech else []),
        section("All figures", *_plots(out / "eval")),
        times_section(seconds),
    ]
    write_text(file, page("avnet: from videos to heatmaps and search", *body))


def outcomes(results: Path) -> list[Outcome]:
    """The demo's figures from the JSON files that `eval` wrote."""
    accuracy = {
        name: results_of(folder / "avc.json")["rows"]["model"]["accuracy"]
        for name, folder in {"AVOL-Net": results, "AVE-Net": results / "ave"}.items()
    }
    localization = results_of(results / "localization.json")
    placement, answers = localization["placement"], localization["negative audio"]
    by_class = of_class(results_of(results / "retrieval.json"))
    chance = by_class["chance"]["recall@1"]
    pointing, centre = placement["model"]["pointing"], placement["centre point"]["pointing"]
    ratio = answers["mismatched"]["mean_peak"] / answers["matched"]["mean_peak"]
    return [
        *(Outcome(f"Correspondence accuracy (AVC), {name}", v, 0.85, 0.5, "chance") for name, v in accuracy.items()),
        # 30 points above the centre, where that is more than 80 %: the middle of a frame is often right by itself.
        Outcome("Pointing at what sounds", pointing, max(0.8, centre + 0.3), centre, "the centre"),
        Outcome("Peak for a mismatched sound / matched", ratio, 0.5, 1.0, "not listening", above=False),
        Outcome("Sound to image, R@1 by class", by_class["aud-im"]["recall@1"], 5 * chance, chance, "chance"),
    ]


def _targets(rows: list[Outcome]) -> Html:
    cells = [
        (
            row.name,
            f"{row.value:.1%}",
            f"{'at least' if row.above else 'at most'} {row.target:.1%}",
            "reached" if row.passes else "missed",
            f"{row.baseline:.1%} ({row.against})",
        )
        for row in rows
    ]
    return table(("", "measured", "target", "", "without learning"), cells)


def _localization(out: Path) -> list[Html]:
    overlays = read_image(out / "eval" / "localization_overlays.png")
    return [
        video("localized/overlay.mp4", "A held-out video; red is where its sound comes from, with certainty.", 384),
        figure(
            overlays,
            "Held-out frames with their own sound, and with one of something that is not in the image. "
            "The number is the highest probability on the map; boxes are the truth, which training never saw.",
            IMAGE_SIDE,
        ),
    ]


def _plots(results: Path) -> list[Html]:
    names = ("avc.png", "retrieval.png", "localization.png")
    return [figure(read_image(results / name), name, IMAGE_SIDE) for name in names]
