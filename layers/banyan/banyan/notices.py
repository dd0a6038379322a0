"""Where the engine tells people and programs outside what they should know of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

PROJECTION_PAUSED: Final = "ProjectionPaused"


class Notices(Protocol):
    """A bus for notices, at least once each; they tell of what was done already, so nothing depends on them."""

    def send(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Send one notice.

        Parameters
        ----------
        kind : str
            Such as ``ProjectionPaused``.
        detail : Mapping[str, Any]
            Fields in camelCase that JSON can hold; no event data.
        """


class NoNotices:
    """Sends nothing."""

    def send(self, kind: str, detail: Mapping[str, Any]) -> None:
        """As in ``Notices``."""
