"""Where in a video or image a sound comes from."""

from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]

from avnet.errors import OptionError
from avnet.web.routes.visit import media_of, session_of, site_of
from avnet.web.schemas import Failure, Job, LocalizationAsked

# Heatmaps of one video: 14 hours at two a second.
MOST_MOMENTS = 100_000

router = APIRouter(prefix="/localizations", tags=["localizations"])


@router.post("", status_code=202, response_model=Job, responses={code: {"model": Failure} for code in (404, 422, 429)})
async def localize(request: Request, asked: LocalizationAsked) -> dict[str, Any]:
    """Starts a job whose events bring heatmaps as they are computed; overlay, heatmaps and scores are its files."""
    site = site_of(request)
    media = media_of(request, asked.media)
    sound = media_of(request, asked.sound) if asked.sound else None
    if (media.facts.get("duration_s") or 0.0) * (asked.fps or 0.0) > MOST_MOMENTS:
        raise OptionError("fps", f"makes more than {MOST_MOMENTS} heatmaps of this video; take less")
    values = asked.model_dump() | {"media": str(media.path), "sound": str(sound.path) if sound else None}
    those = (media, sound) if sound else (media,)
    values["names"] = {str(one.path): one.name for one in those}
    job = site.jobs.start(session_of(request), "localization", site.lane("localize"), values, those)
    return site.jobs.to_dict(job)
