"""What the platform's operator may see and do, over HTTP. It concerns all tenants; `identity.ADMIN` is its scope."""

from __future__ import annotations

from banyan.entrypoints.admin import (
    contents,
    ingest,
    migration,
    projections,
    rebuilds,
    reconciliation,
    rows,
    streams,
    tail,
)

ROOMS = (projections, rebuilds, streams, contents, rows, tail, ingest, reconciliation, migration)
ROUTERS = tuple(room.router for room in ROOMS)
