"""What the operator sees of the windows of a device: beside the fold, page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.http import Server, body_of

from banyan.entrypoints.http.identity import ADMIN, EVENTS

DEVICE = {"sub": "device-1", "tenant": "acme", "scope": "telemetry/write"}
OPERATOR = {"sub": "operator-1", "scope": f"{ADMIN} {EVENTS}"}
SERIES = "acme:device:pump-1.2026-01"


def rows(server: Server, **query: Any) -> dict[str, Any]:
    answer = server.get(f"/admin/streams/{SERIES}/rows", claims=OPERATOR, query=query)
    assert answer["statusCode"] == 200, answer
    (found,) = body_of(answer)["projections"]
    return dict(found)


def test_rows_that_a_stream_owns_are_paged_by_their_sort() -> None:
    server = Server(domains="telemetry")
    server.post("/devices", {"deviceId": "pump-1", "unit": "bar", "intervalSeconds": 60}, claims=DEVICE)
    readings = [{"at": f"2026-01-02T03:{minute:02}:00Z", "value": minute / 3} for minute in range(40)]
    sent = server.post("/devices/pump-1/readings", {"readings": readings}, claims=DEVICE)
    assert sent["statusCode"] == 200, sent
    server.project_all()
    server.clock.move(timedelta(minutes=1))
    whole = rows(server, limit=200)
    assert (whole["equal"], whole["next"], whole["held"] == whole["fold"]) == (True, None, True)
    assert len(whole["rows"]) >= 39
    paged, page = list[Any](), rows(server, limit=7)
    while True:
        paged += page["rows"]
        if page["next"] is None:
            break
        page = rows(server, limit=7, after=page["next"])
    assert paged == whole["rows"]
    assert all(row["held"] == row["fold"] for row in paged)
