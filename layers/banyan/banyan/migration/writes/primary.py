"""Who leads: the side that decides first, and that the other follows."""

from __future__ import annotations

from enum import StrEnum

from banyan.errors import Overtaken


class Leader(StrEnum):
    """The side whose transaction decides a command."""

    LEGACY = "legacy"
    EVENTS = "events"
    NOBODY = "nobody"
    """While the lead changes hands: writes wait."""
    OFF = "off"
    """Events for good: the legacy system takes no more writes."""


def token(turn: int, *, done: bool = False) -> int:
    """The fencing token of a turn of the lead: a store that has met it takes no lower one any more.

    Parameters
    ----------
    turn : int
        Grows with every turn, and when one is reversed.
    done : bool
        Whether the new leader may begin; before, the old one is stopped.
    """
    return 2 * turn + done


def refused(found: int, given: int) -> bool:
    """Whether a store that holds a token refuses another one.

    Returns
    -------
    bool
        True when this very turn has been done there already, by somebody else.

    Raises
    ------
    Overtaken
        A later turn has been there.
    """
    if found // 2 > given // 2:
        raise Overtaken(f"turn {found // 2} of the lead has overtaken turn {given // 2}")
    return found > given
