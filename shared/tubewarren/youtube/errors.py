"""The package's errors; each carries the failure that a handler acts on."""

from tubewarren.failures import Failure


class YoutubeError(Exception):
    """Base of this package's errors.

    Attributes:
        failure: the class of what happened and a reason for a person.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class AddressRefusedError(YoutubeError):
    """An address that a person wrote, or a list contained, may not be worked on."""


class ProcessingFailedError(YoutubeError):
    """A processor says itself what its failure means; raise it from a function of your own."""


class ProcessorNotFoundError(YoutubeError):
    """No processor has the name that was given."""


class FailureRulesError(YoutubeError):
    """A file of rules cannot be used; the message names the file, the rule and what is wrong with it."""


class FilterRefusedError(YoutubeError):
    """What a person wrote to say which videos are wanted cannot be understood; the message says which part."""


class PresetRefusedError(YoutubeError):
    """Something that a person set for yt-dlp cannot be used; the message names the preset and the option."""


class IdentityRefusedError(YoutubeError):
    """yt-dlp cannot be whom the settings say."""


class YoutubeFailedError(YoutubeError):
    """An order given to a child process failed."""
