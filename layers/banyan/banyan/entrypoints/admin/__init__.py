"""What the platform's operator may see and do, over HTTP. It concerns all tenants; `identity.ADMIN` is its scope."""

from __future__ import annotations

from banyan.entrypoints.admin import (
    contents,
    ingest,
    migration,
    overview,
    projections,
    rebuilds,
    reconciliation,
    rows,
    streams,
    tail,
)

CONTENTS = tuple(room.router for room in (contents, rows, tail))
"""Routes that show what events hold."""
OTHERS = tuple(room.router for room in (overview, projections, rebuilds, streams, ingest, reconciliation, migration))
ROUTERS = (*OTHERS, *CONTENTS)
