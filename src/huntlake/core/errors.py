"""The few ways in which the domain says no. Each face maps them to its own envelope, once."""

from __future__ import annotations


class DomainError(Exception):
    """Something a caller asked for can't be done, and the caller can know why."""


class NotFound(DomainError):
    """Nothing of that name is there, or the caller may not know that it is."""


class Conflict(DomainError):
    """What is there already stands in the way."""


class PreconditionFailed(DomainError):
    """The thing has changed since the caller last saw it."""


class Refused(DomainError):
    """The caller may not do this."""


class Invalid(DomainError):
    """What the caller gave can't be understood, or is outside its bounds."""


class LimitExceeded(DomainError):
    """A limit of time, rows, bytes or memory was met."""


class Busy(LimitExceeded):
    """There is too much to do already; the caller may try again later."""


class Unavailable(DomainError):
    """Something that the work needs, such as room on the disk, isn't there now; the caller may try again later."""


class TimedOut(LimitExceeded):
    """The work took longer than the caller, or the server, allows."""


class Cancelled(DomainError):
    """The caller went away, or asked for the work to end."""
