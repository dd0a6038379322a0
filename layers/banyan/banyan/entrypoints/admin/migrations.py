"""The migration that the operator's requests are about, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request

from banyan.entrypoints.http.call import Call
from banyan.errors import NotFound

if TYPE_CHECKING:
    from banyan.migration.migration import Migration


@dataclass(frozen=True, slots=True)
class Migrating:
    """A migration, and who asks."""

    call: Call
    migration: Migration

    def start_controller(self) -> None:
        """Let the controller do what was decided, which it does within a minute anyway. Raises ``StoreUnavailable``."""
        self.call.application.functions.start("migration_controller", {})


def _current(request: Request) -> Migrating:
    context: dict[str, Any] = request.context
    migration = context["call"].application.migration
    if migration is None:
        raise NotFound("migration_off", "there is no migration: set LegacyStore to what the legacy system stands on")
    return Migrating(context["call"], migration)


CurrentMigration = Annotated[Migrating, Depends(_current)]
