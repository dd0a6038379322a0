"""The migration that the operator's requests are about, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request

from banyan.adapters.functions import Functions
from banyan.entrypoints.http.call import Call
from banyan.errors import NotFound

if TYPE_CHECKING:
    from banyan.migration.checks.overview import Observer
    from banyan.migration.parts import Parts
    from banyan.migration.sync.backfill import Backfill


@dataclass(frozen=True, slots=True)
class Migrating:
    """A migration, and who asks.

    Parameters
    ----------
    call : Call
    functions : Functions
    parts : Parts
    """

    call: Call
    functions: Functions
    parts: Parts

    @property
    def observer(self) -> Observer:
        """What shows it."""
        from banyan.migration.setup import observer

        return observer(self.parts, self.call.application.settings, self.call.application.clock)

    @property
    def backfill(self) -> Backfill:
        """Its backfill."""
        from banyan.migration.setup import backfill

        return backfill(self.parts)

    def hand_over(self) -> None:
        """Let the controller do what was decided, which it does within a minute anyway. Raises ``StoreUnavailable``."""
        self.functions.start("migration_controller", {})


def _current(request: Request) -> Migrating:
    context: dict[str, Any] = request.context
    parts = context["call"].application.migration
    if parts is None:
        raise NotFound("migration_off", "there is no migration: set LegacyStore to what the legacy system stands on")
    return Migrating(context["call"], context["functions"], parts)


CurrentMigration = Annotated[Migrating, Depends(_current)]
