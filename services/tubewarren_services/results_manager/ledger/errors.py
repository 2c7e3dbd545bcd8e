"""What can go wrong with a ledger."""


class LedgerError(Exception):
    """Base of every error of the ledger."""


class LedgerUnavailableError(LedgerError):
    """The database cannot be opened, read or written now."""


class LedgerTooNewError(LedgerError):
    """The database was written by a newer version of this program."""
