"""What the HTTP interface takes and gives, as it stands in the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field  # pyright: ignore[reportMissingImports]


class Asked(BaseModel):
    """A request; a field that is not known is refused, and so are infinity and what is no number."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Fault(BaseModel):
    """What is wrong."""

    reason: str
    subject: str


class Failure(BaseModel):
    """A refusal: what, and why."""

    error: Fault


class Media(BaseModel):
    """A file that was sent."""

    id: str
    name: str
    kind: Literal["video", "image", "sound"]
    bytes: int
    duration_s: float | None
    width: int | None
    height: int | None
    has_sound: bool
    expires_s: float


class Job(BaseModel):
    """Something that is being done, or was."""

    id: str
    task: Literal["localization", "description", "indexing"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    position: int
    progress: dict[str, Any] | None
    error: Fault | None
    result: Any
    files: dict[str, str]
    expires_s: float


class LocalizationAsked(Asked):
    """Where in a video or image does a sound come from?"""

    media: str
    sound: str | None = None
    at: float | None = None
    fps: float | None = Field(None, ge=0.01, le=100)
    threshold: float = Field(0.5, gt=0, lt=1)
    by_class: bool = False


class QueryPart(Asked):
    """One thing to search by: a file that was sent, or an entry of the index."""

    media: str | None = None
    entry: str | None = Field(None, pattern=r"^\d{1,12}-\d{1,12}$")
    at: float | None = None
    part: Literal["image", "sound", "both"] = "both"
    weight: float = Field(1.0, ge=-10, le=10)


class SearchAsked(Asked):
    """What of the index goes with all of these?"""

    queries: list[QueryPart] = Field(min_length=1, max_length=16)
    kind: Literal["other", "image", "sound", "both"] = "other"
    k: int = Field(24, ge=1, le=1000)
    per_file: int = Field(1, ge=0, le=1000)
    source: str = Field("", max_length=1000)
    after_s: float | None = None
    before_s: float | None = None


class SearchAnswered(BaseModel):
    """The matches for each kind of query."""

    answers: list[dict[str, Any]]
    took_ms: float


class TagsAsked(Asked):
    """What is seen or heard in a file?"""

    media: str
    at: float | None = None


class TagsAnswered(BaseModel):
    """Names with their probabilities."""

    tags: list[dict[str, Any]]


class DescriptionAsked(Asked):
    """What would the describer say of an image?"""

    media: str
    at: float | None = None
    voice: str | None = None
    method: Literal["beam", "sample"] = "beam"
    seed: int = Field(0, ge=0, lt=1 << 32)


class IndexingAsked(Asked):
    """Add the files of a folder of this machine to the index."""

    path: str = Field(min_length=1, max_length=4096)


class EntryAnswered(BaseModel):
    """An image or a sound of the index."""

    entry: str
    file: str
    time_s: float
    kind: Literal["image", "sound"]
    missing: bool
