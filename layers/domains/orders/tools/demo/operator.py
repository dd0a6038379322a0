"""The operator of the migration, at the routes that a person uses too."""

from __future__ import annotations

from typing import Any, Final

from banyan.reconciliation.report import Report
from banyan_tools.cli.client import Client, Refused
from banyan_tools.cli.errors import CliError
from orders.tools.demo.stage import Stage

MIGRATION: Final = "migration"
CONFLICT: Final = 409


class Operator:
    """Everything a person does in a migration, and the schedules that look after it meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._admin = Client(stage.url, stage.admin_token)
        self.held = ""

    def run_maintenance(self) -> str:
        """Let the controller run once, as it does every minute; the step at which the migration stands behind it."""
        found = self._stage.invoke("MigrationController", {})
        self.held = found["held"]
        return str(found["step"])

    def start(self) -> None:
        """Have both sides written."""
        self._admin.post(MIGRATION, "start", reason="every command is to become an event")

    def switch_off(self) -> bool:
        """Take the step that there is no way back from, and the controller finishes it; whether nothing stood in it."""
        to = {"phase": "event_store", "percentage": 100}
        return self._stepped("move", to=to, reason="reads and writes were healthy at 100 %", noWayBack=True)

    def begin_backfill(self) -> None:
        """Have every row imported that the event store does not know."""
        self._admin.post(MIGRATION, "backfill")

    def backfill(self) -> Any:
        """How far the backfill has come."""
        return self._admin.get(MIGRATION, "backfill").content

    def begin_archive(self) -> None:
        """Ask for the archive of the legacy system."""
        self._admin.post(MIGRATION, "archive")

    def archived(self) -> bool:
        """Whether the archive was written and read back; to wait for a damaged one is in vain."""
        archive = self._admin.get(MIGRATION, "archive").content["archive"]
        if archive and archive["damage"]:
            raise CliError(f"the archive is damaged: {archive['damage']}")
        return bool(archive and archive["stage"] == "verified")

    def complete(self) -> bool:
        """Make the last step; whether nothing stood in the way."""
        return self._stepped("complete", reason="it is archived and no longer used")

    def reconcile(self, *, full: bool = False, repair: bool = False) -> Report:
        """Compare everything that is derived, to the end of the run."""
        answer = self._stage.invoke("Reconciler", {"full": full, "repair": repair})
        while answer.get("finished") is False:
            answer = self._stage.invoke("Reconciler", {"continue": True})
        return Report.model_validate(answer)

    def _stepped(self, step: str, **request: Any) -> bool:
        try:
            self._admin.post(MIGRATION, step, **request)
        except Refused as refused:
            if refused.status != CONFLICT:
                raise
            self.held = str(refused)
            return False
        return True
