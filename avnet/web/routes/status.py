"""What this server can do, and how far it is."""

from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]

import avnet
from avnet.web.routes.visit import site_of

LANES = ("media", "localize", "search", "describe", "index", "playable")
OFF = {"state": "off", "reason": None, "queued": 0}
router = APIRouter(tags=["status"])


@router.get("/status")
async def status(request: Request) -> dict[str, Any]:
    """The model, the index, the lanes (loading, ready, failed or off) and the limits."""
    site = site_of(request)
    lanes = {
        name: {"state": lane.state, "reason": lane.reason, "queued": lane.queued} for name, lane in site.lanes.items()
    }
    search = site.lanes.get("search")
    index = search.facts.get("index") if search else None
    can = {**site.facts["can"], "index_folders": site.options.allow_indexing}
    return {
        "version": avnet.__version__,
        "model": site.facts["model"],
        "lanes": {**dict.fromkeys(LANES, OFF), **lanes},
        "index": index,
        "describer": site.facts["describer"],
        "can": {**can, "search": can["search"] and index is not None, "browse": index is not None},
        "limits": {
            "upload_mb": site.options.upload_mb,
            "duration_s": site.options.duration_s,
            "image_pixels": site.lanes["media"].facts.get("image_pixels") if "media" in site.lanes else None,
        },
    }
