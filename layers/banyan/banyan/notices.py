"""Where the engine announces what people and programs outside should know of."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

PROJECTION_PAUSED: Final = "ProjectionPaused"

_logger = logging.getLogger(__name__)


class Notices(Protocol):
    """A bus for notices, at least once each; they announce what was done already, so nothing depends on them."""

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
        pass


def notify(notices: Notices, kind: str, detail: Mapping[str, Any]) -> None:
    """Send a notice; when the bus refuses it, what it announces stays done, and the log says that it was not sent."""
    try:
        notices.send(kind, detail)
    except Exception as error:
        _logger.error("a notice was not sent", extra={"notice": kind, "error": type(error).__name__})
