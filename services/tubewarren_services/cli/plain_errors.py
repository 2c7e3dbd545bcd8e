"""Errors as a person meets them: a sentence and an exit code, and a traceback only for a defect."""

from dataclasses import dataclass

FOUND_PROBLEMS = 1
USED_WRONGLY = 2

_OURS = ("tubewarren.", "tubewarren_services.")
_SETTINGS = "tubewarren.settings."


class CommandError(Exception):
    """A command cannot go on; the text says what happened and what to do next.

    Attributes:
        exit_code: 1 for a problem that was found, 2 when the command was used wrongly.
    """

    def __init__(self, message: str, exit_code: int = FOUND_PROBLEMS) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is printed, and how the process ends."""

    message: str
    exit_code: int


def complaint_of(error: BaseException) -> Complaint | None:
    """What to tell; None for what was not meant for a person.

    Every error class of ours is written for one, so where a class comes from decides, and nothing is imported for it.
    """
    if isinstance(error, BaseExceptionGroup):
        parts = [complaint_of(part) for part in error.exceptions]
        told = [part for part in parts if part is not None]
        if len(told) < len(parts):
            return None
        return Complaint("\n".join(part.message for part in told), max(part.exit_code for part in told))
    if isinstance(error, CommandError):
        return Complaint(str(error), error.exit_code)
    origin = type(error).__module__
    if not origin.startswith(_OURS):
        return None
    return Complaint(str(error), USED_WRONGLY if origin.startswith(_SETTINGS) else FOUND_PROBLEMS)
