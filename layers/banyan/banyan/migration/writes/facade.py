"""The facade: one door for commands, whichever side is primary."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import uuid4

from banyan.commands.handler import Outcome
from banyan.errors import PrimaryChanged, RowRaced, RowRefused, StoreUnavailable
from banyan.events import Metadata
from banyan.migration.checks.usage import WRITE, FacadeUsage
from banyan.migration.phases.aggregate import Phase, Step
from banyan.migration.phases.phases import Phases
from banyan.migration.stores.rows import in_words_of
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

ATTEMPTS: Final = 8
WAIT_SECONDS: Final = 0.05
MAX_WAIT_SECONDS: Final = 0.4
EVENTS_ALONE: Final = "events"


class WritePath(Protocol):
    """One way to handle a command."""

    def handle(
        self,
        stream: StreamId,
        command: Any,
        *,
        commit_id: str,
        metadata: Metadata | None = None,
        expected: int | None = None,
        first_attempt: datetime | None = None,
    ) -> Outcome[Any]:
        """As ``CommandHandler.handle``. Raises ``PrimaryChanged`` and ``RowRaced`` too."""


class Facade:
    """Takes the place of an entity's command handler while its legacy system is replaced.

    Parameters
    ----------
    paths : Mapping[str, WritePath]
        By ``path_of``.
    sleep : Callable[[float], None]
        Seconds.
    """

    def __init__(
        self,
        phases: Phases,
        paths: Mapping[str, WritePath],
        usage: FacadeUsage,
        telemetry: Telemetry | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._phases = phases
        self._paths = paths
        self._usage = usage
        self._telemetry = telemetry or NoTelemetry()
        self._sleep = sleep

    @property
    def finder(self) -> None:
        """A commit may be in the legacy system alone, and the primary another one when it is looked for."""

    def handle(
        self,
        stream: StreamId,
        command: Any,
        *,
        commit_id: str | None = None,
        metadata: Metadata | None = None,
        expected: int | None = None,
        first_attempt: datetime | None = None,
        optimistic: bool = False,  # noqa: ARG002
    ) -> Outcome[Any]:
        """As ``CommandHandler.handle``; waits briefly while the primary changes.

        As ``CommandHandler.handle``; ``StoreUnavailable`` when the wait was in vain; ``RowRefused``, naming
        a field of the command, when the legacy system is primary and cannot hold what follows from it.
        """
        options: dict[str, Any] = {
            "commit_id": commit_id or str(uuid4()),
            "metadata": metadata,
            "expected": expected,
            "first_attempt": first_attempt,
        }
        for attempt in range(ATTEMPTS):
            try:
                return self._handled(path_of(self._phases.current().step), stream, command, options)
            except RowRefused as error:
                raise in_words_of(command, error) from None
            except (PrimaryChanged, RowRaced) as error:
                self._telemetry.count("LegacyConflicts")
                if isinstance(error, PrimaryChanged):
                    self._phases.forget()
            self._sleep(random.uniform(0, min(MAX_WAIT_SECONDS, WAIT_SECONDS * 2**attempt)))
        raise StoreUnavailable("the primary of the migration is changing: try again")

    def _handled(self, path: str, stream: StreamId, command: Any, options: Mapping[str, Any]) -> Outcome[Any]:
        outcome = self._paths[path].handle(stream, command, **options)
        if path != EVENTS_ALONE:
            self._usage.used(WRITE)
        return outcome


def path_of(step: Step) -> str:
    """Name of the path that commands take at a step."""
    if step.phase is Phase.LEGACY:
        return "legacy"
    return {Primary.LEGACY: "dual", Primary.EVENTS: "led"}.get(step.primary, EVENTS_ALONE)
