"""Whose request it is, and what of theirs it is about."""

from typing import Any

from fastapi import Request  # pyright: ignore[reportMissingImports]
from starlette.exceptions import HTTPException  # pyright: ignore[reportMissingImports]

from avnet.errors import AvnetError
from avnet.web.app import Site
from avnet.web.jobs import Job, in_words
from avnet.web.uploads import Media, in_use


class Missing(HTTPException):
    """Nothing of this name belongs to this visitor."""

    def __init__(self):
        super().__init__(404)


def site_of(request: Request) -> Site:
    """What all requests share."""
    return request.app.state.site


def session_of(request: Request) -> str:
    """Whose request it is."""
    return request.state.session


def media_of(request: Request, id: str) -> Media:
    """A file of this visitor.

    Raises:
        Missing: there is none.
    """
    media = site_of(request).uploads.get(id, session_of(request))
    if media is None:
        raise Missing
    return media


def job_of(request: Request, id: str) -> Job:
    """A job of this visitor.

    Raises:
        Missing: there is none.
    """
    job = site_of(request).jobs.get(id, session_of(request))
    if job is None:
        raise Missing
    return job


async def ask(site: Site, lane: str, task: str, *media: Media, **values: Any) -> Any:
    """Has a lane do something with files, and waits for it.

    Args:
        site: with the lane.
        lane: its name.
        task: its name.
        media: files that it needs, which do not expire before, and whose names refusals tell.
        values: that the task takes.

    Raises:
        AvnetError: as of `Lane.call`.
    """
    with in_use(*media):
        try:
            return await site.lane(lane).call(task, **values)
        except AvnetError as error:
            names = {str(one.path): one.name for one in media}
            raise type(error)(in_words(error.subject, names), in_words(error.reason, names)) from None
