"""The manifest: what a result is, beside its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from tubewarren.store.errors import ManifestUnreadableError
from tubewarren.store.layout import MANIFEST

VERSION: Final = 1


class PublishedFile(BaseModel):
    """One file of a result.

    Attributes:
        name: relative to the result's folder, with forward slashes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    size_bytes: int
    sha256: str


class Manifest(BaseModel):
    """A finished video.

    Attributes:
        source_ids: the sources that list it, sorted.
        columns: the columns of each of those sources, by source id.
        files: everything in the folder but the manifest itself, by name.
        attempt: the attempt that succeeded.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = VERSION
    video_id: str
    url: str
    title: str = ""
    source_ids: tuple[str, ...]
    columns: dict[str, dict[str, str]] = {}
    files: tuple[PublishedFile, ...]
    worker: str
    attempt: int
    yt_dlp_version: str = ""
    finished_at: AwareDatetime

    @field_validator("source_ids")
    @classmethod
    def _sorted_once_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(value)))

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def main_file(self) -> PublishedFile:
        """The largest file, which is the media; its checksum stands for the result's."""
        return max(self.files, key=lambda file: (file.size_bytes, file.name))

    def with_source(self, source_id: str, columns: Mapping[str, str]) -> "Manifest":
        """The same result, listed by one more source, or by one whose columns changed."""
        return self.model_copy(
            update={
                "source_ids": tuple(sorted({*self.source_ids, source_id})),
                "columns": {**self.columns, source_id: dict(columns)},
            }
        )

    def to_json(self) -> str:
        """As it stands on disk, for a person too."""
        return self.model_dump_json(indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a worker knows of a result before it is published.

    Attributes:
        files: what to publish, relative to the staging folder; everything that is not temporary when None.
    """

    url: str
    source_id: str
    worker: str
    attempt: int
    finished_at: datetime
    title: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    yt_dlp_version: str = ""
    files: tuple[str, ...] | None = None

    def manifest(self, video_id: str, files: tuple[PublishedFile, ...]) -> Manifest:
        """The manifest of the published files."""
        return Manifest(
            video_id=video_id,
            url=self.url,
            title=self.title,
            source_ids=(self.source_id,),
            columns={self.source_id: dict(self.columns)},
            files=files,
            worker=self.worker,
            attempt=self.attempt,
            yt_dlp_version=self.yt_dlp_version,
            finished_at=self.finished_at,
        )


def manifest_in(folder: Path) -> Manifest | None:
    """The manifest of a result's folder; None where there is none.

    Raises:
        ManifestUnreadableError: it is damaged, or of a newer version.
    """
    try:
        body = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError as error:
        raise ManifestUnreadableError(
            f"{folder / MANIFEST} is damaged ({error.error_count()} problems); move the folder away, "
            "and the video can be downloaded again"
        ) from error
    if manifest.version > VERSION:
        raise ManifestUnreadableError(
            f"{folder / MANIFEST} has version {manifest.version}, this program knows {VERSION}; update it"
        )
    return manifest
