"""Requests for the routes of orders, and for those of the operator."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from banyan_tools.samples.history import TENANT
from banyan_tools.samples.requests import ADMIN, CONTENTS, get, page, post

PROJECTION = "/admin/projections/order"
STREAM = f"/admin/streams/{TENANT}:order:order-1004"
NEW_ORDER = {
    "orderId": "order-2001",
    "customerId": "customer-1",
    "items": [{"sku": "PEN-BLUE", "quantity": 3, "price": "2.50"}, {"sku": "PAPER-A4", "quantity": 1, "price": 7.75}],
}
PENCIL = {"sku": "PENCIL-HB", "quantity": 10, "price": "0.40"}


def commands() -> Mapping[str, Any]:
    """Every sample event of ``command_api``, by name."""
    create = json.dumps(NEW_ORDER)
    nothing = json.dumps(NEW_ORDER | {"orderId": "order-2003", "items": [PENCIL | {"quantity": 0}]})
    encoded = base64.b64encode(json.dumps(NEW_ORDER | {"orderId": "order-2002"}).encode()).decode()
    return {
        "create_order": post("/orders", create, {"idempotency-key": "create-order-2001"}),
        "create_order_base64": post("/orders", encoded) | {"isBase64Encoded": True},
        "add_item": post("/orders/order-1001/items", json.dumps(PENCIL), {"if-match": '"1"'}),
        "pay": post("/orders/order-1002/pay", json.dumps({"amount": "25.50", "method": "card"})),
        "cancel": post("/orders/order-1003/cancel", json.dumps({"reason": "no longer needed"})),
        "receive_stock": post("/inventory/PEN-BLUE/receive", json.dumps({"quantity": 5})),
        "conflict": post("/orders/order-1003/items", json.dumps(PENCIL), {"if-match": '"1"'}),
        "already_paid": post("/orders/order-1004/pay", json.dumps({"amount": "25.50"})),
        "invalid": post("/orders", nothing),
        "malformed": post("/orders", '{"orderId": "order-2004", '),
        "unauthenticated": post("/orders", create, caller=False),
        "unknown_route": post("/nothing/here", "{}"),
    }


def queries() -> Mapping[str, Any]:
    """Every sample event of ``query_api``, by name."""
    return {
        "health": get("/health"),
        "openapi": get("/openapi.json"),
        "order": get("/orders/order-1004"),
        "order_from_stream": get("/orders/order-1006", minVersion="2"),
        "order_at_version": get("/orders/order-1004", atVersion="1"),
        "order_at_time": get("/orders/order-1004", at="2026-01-31T00:00:00Z"),
        "order_events": get("/orders/order-1004/events", after="1", limit="1"),
        "orders": get("/orders", limit="2"),
        "orders_by_customer": get("/orders", customer="customer-1"),
        "orders_by_status": get("/orders", status="created"),
        "orders_by_day": get("/orders", **{"from": "2026-01-01", "to": "2026-01-31", "order": "ascending"}, limit="2"),
        "unknown_order_of_a_list": get("/orders", order="sideways"),
        "customer_totals": get("/customers/customer-1/totals"),
        "daily_sales": get("/sales/daily", **{"from": "2026-01-01", "to": "2026-01-31"}),
        "daily_sales_page": get(
            "/sales/daily", **{"from": "2026-01-01", "to": "2026-01-31", "order": "descending"}, limit="1"
        ),
        "unknown_stock": get("/inventory/PEN-BLUE"),
        "unknown_order": get("/orders/order-9999"),
        "other_tenant": get("/orders/order-1004", tenant="globex"),
        "unauthenticated": get("/orders/order-1004", tenant=None),
    }


def operations() -> Mapping[str, Any]:
    """Every sample event of ``console``, by name."""
    return {
        "overview": get("/admin/overview", scope=ADMIN),
        "projections": get("/admin/projections", scope=ADMIN),
        "projection": get(PROJECTION, scope=ADMIN),
        "pause": post(f"{PROJECTION}/pause", json.dumps({"reason": "maintenance"}), scope=ADMIN),
        "resume": post(f"{PROJECTION}/resume", "", scope=ADMIN),
        "retry": post(f"{PROJECTION}/retry", json.dumps({"stream": f"{TENANT}:order:order-1004"}), scope=ADMIN),
        "retry_reactor": post(
            "/admin/projections/reactor/retry", json.dumps({"stream": f"{TENANT}:order:order-1004"}), scope=ADMIN
        ),
        "preview": post(f"{PROJECTION}/rebuild", json.dumps({"dryRun": True}), scope=ADMIN),
        "rebuild": post(f"{PROJECTION}/rebuild", json.dumps({"switchWhenEqual": True}), scope=ADMIN),
        "streams": get("/admin/streams", entity="order", limit="2", scope=ADMIN),
        "stream_events": get(f"{STREAM}/events", after="1", scope=CONTENTS),
        "stream_state": get(f"{STREAM}/state", atVersion="2", scope=CONTENTS),
        "stream_rows": get(f"{STREAM}/rows", projection="order", scope=CONTENTS),
        "stream_verified": get(f"{STREAM}/verify", scope=ADMIN),
        "events": get("/admin/events", types="OrderPaid", since="2026-01-01T00:00:00Z", scope=CONTENTS),
        "events_backwards": get("/admin/events", order="descending", limit="2", scope=CONTENTS),
        "contents_without_scope": get(f"{STREAM}/events", scope=ADMIN),
        "correlation": get("/admin/correlations/correlation-sample", scope=ADMIN),
        "deadlines": get("/admin/deadlines", scope=ADMIN),
        "deadlines_retried": post("/admin/deadlines/retry", "", scope=ADMIN),
        "reconciliation": get("/admin/reconciliation", scope=ADMIN),
        "reconcile": post("/admin/reconciliation/run", json.dumps({"full": True}), scope=ADMIN),
        "reports": get("/admin/reconciliation/reports", limit="5", scope=ADMIN),
        "migration": get("/admin/migration", scope=ADMIN),
        "unknown_projection": get("/admin/projections/nothing", scope=ADMIN),
        "without_scope": get("/admin/projections"),
        "unauthenticated": get("/admin/projections", tenant=None),
        "page": page("/console"),
        "page_file": page("/console/main.js"),
        "page_sign_in": page("/console/sign-in.json"),
        "unknown_page_file": page("/console/lib/nothing.js"),
    }
