"""What can go wrong with a store."""


class StoreError(Exception):
    """Base of every error of the store."""


class StoreUnfitError(StoreError):
    """The two folders cannot serve as a store: not writable, or not on one filesystem."""


class InvalidVideoIdError(StoreError):
    """A video id cannot be the name of a folder, or would lead out of the store."""


class VideoBusyError(StoreError):
    """Another worker is at this video."""


class VideoMissingError(StoreError):
    """The store holds no finished result of this video."""


class NothingToPublishError(StoreError):
    """The staging folder lacks the files that were to be published."""


class ResultInTheWayError(StoreError):
    """A folder without a manifest stands where a result should appear; it is never overwritten."""


class ManifestUnreadableError(StoreError):
    """A manifest is damaged, or was written by a newer version."""


class DiskFullError(StoreError):
    """The filesystem of the store, or the quota on it, has no room left."""
