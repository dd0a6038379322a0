"""What the platform's operator may see and do, over HTTP. It concerns all tenants; `identity.ADMIN` is its scope."""

from __future__ import annotations

from banyan.entrypoints.admin import ingest, migration, projections, rebuilds, reconciliation, streams

ROUTERS = tuple(room.router for room in (projections, rebuilds, streams, ingest, reconciliation, migration))
