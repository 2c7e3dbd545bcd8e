"""What can go wrong with a sheet."""

from enum import StrEnum, unique


class SheetError(Exception):
    """The base of everything that a sheet raises; its text is for the person who owns the list."""


class SheetUnavailableError(SheetError):
    """It cannot be reached or written now, and may heal by itself: try the same again later."""


@unique
class Cause(StrEnum):
    """Why a Google spreadsheet cannot be used now, for those who do more than print the error.

    Attributes:
        KEY_FILE: the file with the service account's key cannot be used.
        KEY_REFUSED: Google does not take the key, or not any more.
        REFUSED: Google does not do what it was asked to; nothing was written.
        NETWORK: no whole answer came; something may have been written.
    """

    KEY_FILE = "key-file"
    KEY_REFUSED = "key-refused"
    NOT_SHARED = "not-shared"
    API_NOT_ENABLED = "api-not-enabled"
    NO_SUCH_SPREADSHEET = "no-such-spreadsheet"
    NO_SUCH_TAB = "no-such-tab"
    OVER_QUOTA = "over-quota"
    REFUSED = "refused"
    GOOGLE_DOWN = "google-down"
    NETWORK = "network"


class GoogleUnavailableError(SheetUnavailableError):
    """The Google spreadsheet cannot be used now.

    Attributes:
        cause: what kind of trouble it is; the text says it in words, with what to do.
    """

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class TabUnreadableError(SheetError):
    """A tab makes no sense as it is; it stays untouched until a person mends it.

    Attributes:
        tab: the name of the tab.
        problems: what is wrong and what to do, one sentence each.
    """

    def __init__(self, tab: str, problems: tuple[str, ...], *, title: str = "") -> None:
        """Take what the attributes say, and the title under which people know the tab, if it is another."""
        super().__init__(f'The tab "{title or tab}" cannot be read: {" ".join(problems)}')
        self.tab = tab
        self.problems = problems
