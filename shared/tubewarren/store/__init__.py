"""Where results live: layout, claims, atomic publish, select and return."""

from tubewarren.store.claims import Staging
from tubewarren.store.errors import (
    DiskFullError,
    InvalidVideoIdError,
    ManifestUnreadableError,
    NothingToPublishError,
    ResultInTheWayError,
    StoreError,
    StoreUnfitError,
    VideoBusyError,
    VideoMissingError,
)
from tubewarren.store.manifest import Draft, Manifest, PublishedFile
from tubewarren.store.moves import Moves
from tubewarren.store.publishing import Checkpoint, Step
from tubewarren.store.store import Store
from tubewarren.store.verification import Verification

__all__ = [
    "Checkpoint",
    "DiskFullError",
    "Draft",
    "InvalidVideoIdError",
    "Manifest",
    "ManifestUnreadableError",
    "Moves",
    "NothingToPublishError",
    "PublishedFile",
    "ResultInTheWayError",
    "Staging",
    "Step",
    "Store",
    "StoreError",
    "StoreUnfitError",
    "Verification",
    "VideoBusyError",
    "VideoMissingError",
]
