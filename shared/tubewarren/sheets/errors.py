"""What can go wrong with a sheet."""


class SheetError(Exception):
    """The base of everything that a sheet raises; its text is for the person who owns the list."""


class SheetUnavailableError(SheetError):
    """It cannot be reached or written now, and may heal by itself: try the same again later."""


class TabUnreadableError(SheetError):
    """A tab makes no sense as it is; it stays untouched until a person mends it.

    Attributes:
        tab: the name of the tab.
        problems: what is wrong and what to do, one sentence each.
    """

    def __init__(self, tab: str, problems: tuple[str, ...]) -> None:
        super().__init__(f'The tab "{tab}" cannot be read: {" ".join(problems)}')
        self.tab = tab
        self.problems = problems
