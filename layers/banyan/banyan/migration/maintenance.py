"""What is done for a migration every minute, and when more was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from banyan.adapters.settings import Services, Settings
from banyan.errors import Conflict
from banyan.migration.parts import Parts
from banyan.migration.phases.controller import standing
from banyan.migration.setup import archive_worker, backfill, controller
from banyan.migration.sync.idle import report_idle
from banyan.store.eventstore import Clock
from banyan.telemetry import Telemetry


def run_maintenance(
    parts: Parts,
    settings: Settings,
    services: Services,
    clock: Clock,
    telemetry: Telemetry,
    remaining: Callable[[], float],
) -> Mapping[str, Any]:
    """Complete what is half done, move on or back, and go on with backfill and archive while there is time.

    Parameters
    ----------
    parts : Parts
    settings : Settings
    services : Services
    clock : Callable[[], datetime]
    telemetry : Telemetry
    remaining : Callable[[], float]
        Seconds that are left.

    Returns
    -------
    Mapping[str, Any]
        Where the migration stands.

    Raises
    ------
    StoreUnavailable, ConfigurationError
    """
    report_idle(parts, clock, telemetry)
    found = standing(controller(parts, settings, clock, telemetry).run())
    archives = archive_worker(parts, services, clock)
    for work in (backfill(parts).go_on, archives.go_on, archives.restore_on):
        with suppress(Conflict):
            work(remaining)
    return found
