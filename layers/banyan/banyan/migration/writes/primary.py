"""The primary: the side that decides first, and that the other follows."""

from __future__ import annotations

from enum import StrEnum

from banyan.errors import Overtaken


class Primary(StrEnum):
    """The side whose transaction decides a command."""

    LEGACY = "legacy"
    EVENTS = "events"
    NONE = "nobody"
    """while the primary changes: writes wait."""
    OFF = "off"
    """Events for good: the legacy system takes no more writes."""


def fencing_token(cutover: int, *, done: bool = False) -> int:
    """The fencing token of a cutover: a store that has met it takes no lower one any more.

    Parameters
    ----------
    cutover : int
        Grows with every cutover, and when one is reversed.
    done : bool
        Whether the new primary may begin; before, the old one is stopped.
    """
    return 2 * cutover + done


def refused(found: int, given: int) -> bool:
    """Whether a store that holds a token refuses another one.

    Returns
    -------
    bool
        True when this very cutover has been made there already, by another process.

    Raises
    ------
    Overtaken
        A later cutover has been there.
    """
    if found // 2 > given // 2:
        raise Overtaken(f"cutover {found // 2} has overtaken cutover {given // 2}")
    return found > given
