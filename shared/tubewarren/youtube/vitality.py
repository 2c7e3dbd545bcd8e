"""Vitality: whether a job is still getting anywhere."""

from dataclasses import dataclass, field

from tubewarren.youtube.job import Progress


@dataclass(slots=True)
class Vitality:
    """The watchdog's judgement, without a clock of its own.

    Only what never was before counts: a phase not named yet, more bytes than ever, a folder larger than ever. A
    server that cuts for ever at the same byte keeps a job busy, not alive.

    Attributes:
        patience: seconds without any of these that are borne.
        alive_at: when there last was one, in seconds of the caller's clock.
    """

    patience: float
    alive_at: float
    most_bytes: int = 0
    largest_folder: int = 0
    phases: set[str] = field(default_factory=set)

    @property
    def dead_at(self) -> float:
        """When patience ends, in seconds of the caller's clock."""
        return self.alive_at + self.patience

    def reported(self, progress: Progress, now: float) -> None:
        """Take a report into account."""
        if progress.phase not in self.phases or progress.done_bytes > self.most_bytes:
            self.alive_at = now
        self.phases.add(progress.phase)
        self.most_bytes = max(self.most_bytes, progress.done_bytes)

    def measured(self, folder_bytes: int, now: float) -> None:
        """Take the folder's size into account: ffmpeg writes for hours without a report."""
        if folder_bytes > self.largest_folder:
            self.alive_at = now
        self.largest_folder = max(self.largest_folder, folder_bytes)
