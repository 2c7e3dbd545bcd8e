"""The ledger: what the events say about sources, videos, files and workers, in SQL."""

from tubewarren_services.results_manager.ledger.errors import (
    LedgerError,
    LedgerTooNewError,
    LedgerUnavailableError,
)
from tubewarren_services.results_manager.ledger.ledger import Changes, Ledger
from tubewarren_services.results_manager.ledger.tasks import TaskState

__all__ = ["Changes", "Ledger", "LedgerError", "LedgerTooNewError", "LedgerUnavailableError", "TaskState"]
