"""Who leads: the side that decides first, and that the other follows."""

from __future__ import annotations

from enum import StrEnum


class Leader(StrEnum):
    """The side whose transaction decides a command."""

    LEGACY = "legacy"
    EVENTS = "events"
    NOBODY = "nobody"
    """While the lead changes hands: writes wait."""
    OFF = "off"
    """Events for good: the legacy system takes no more writes."""
