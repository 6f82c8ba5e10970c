"""Exceptions, grouped by what the caller does: tell the user and stop, or try again."""

from typing import Final

GROWN: Final = (
    "partitions cannot be added once events are there: accounts would move away from what was counted of "
    "them; write another name under topic_prefix: in resonanz.yaml and publish everything there again"
)
"""What to do about topics whose partitions have become more."""


class ResonanzError(Exception):
    """Base of all of ours. The message is one sentence for a person: what is wrong and what to do."""


class ConfigurationError(ResonanzError):
    """The user's configuration or usage is wrong; exit code 2. The message may list several lines."""


class StopError(ResonanzError):
    """Going on would lose or double data, or cannot succeed; the process ends with exit code 1."""


class RetryError(ResonanzError):
    """The other side is away for now; trying again later is right."""


class FencedError(StopError):
    """Another worker owns this partition now; whatever was not flushed belongs to it."""


RECOUNT: Final = "stop the workers and run: resonanz rebuild; everything is counted anew from the log"
"""What to do about a state that cannot be used."""
