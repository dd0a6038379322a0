"""What is done for a migration every minute, and at once when an operator asked for something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from banyan.errors import Conflict
from banyan.migration.checks.idle import report_idle
from banyan.migration.migration import Migration
from banyan.migration.phases.controller import standing


def run_maintenance(migration: Migration, remaining: Callable[[], float]) -> Mapping[str, Any]:
    """Complete what is half done, move on or back, and continue backfill and archive while there is time.

    Parameters
    ----------
    migration : Migration
        With ``objects``.
    remaining : Callable[[], float]
        Seconds that are left.

    Returns
    -------
    Mapping[str, Any]
        Where the migration stands.

    Raises ``StoreUnavailable``, ``ConfigurationError``.
    """
    report_idle(migration)
    found = standing(migration.controller.run())
    archives = migration.archive_worker
    for work in (migration.backfill.go_on, archives.go_on, archives.restore_on):
        with suppress(Conflict):
            work(remaining)
    return found
