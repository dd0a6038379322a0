"""What the platform's operator may see and do, over HTTP. It concerns all tenants; `identity.ADMIN` is its scope."""

from __future__ import annotations

from banyan.entrypoints.admin import (
    backfills,
    correlations,
    deadlines,
    migration,
    projections,
    rebuilds,
    reconciliation,
    streams,
)

ROUTERS = (
    projections.router,
    rebuilds.router,
    deadlines.router,
    correlations.router,
    streams.router,
    reconciliation.router,
    migration.router,
    backfills.router,
)
