"""Requests as API Gateway hands them to the APIs: HTTP API, payload format 2.0."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from banyan_tools.local.physical import ACCOUNT, REGION
from orders.tools.samples.orders import ACTOR, START, TENANT

API = "a1b2c3d4e5"
HOST = f"{API}.execute-api.{REGION}.amazonaws.com"
PUBLIC = frozenset({"/health", "/openapi.json"})
ADMIN_PATH = "/admin/"
ADMIN = "banyan/admin"
PROJECTION = "/admin/projections/order"
LIFETIME = timedelta(hours=1)
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
        "correlation": get("/admin/correlations/correlation-sample", scope=ADMIN),
        "deadlines": get("/admin/deadlines", scope=ADMIN),
        "reconciliation": get("/admin/reconciliation", scope=ADMIN),
        "reconcile": post("/admin/reconciliation/run", json.dumps({"full": True}), scope=ADMIN),
        "reports": get("/admin/reconciliation/reports", limit="5", scope=ADMIN),
        "migration": get("/admin/migration", scope=ADMIN),
        "unknown_projection": get("/admin/projections/nothing", scope=ADMIN),
        "without_scope": get("/admin/projections"),
        "unauthenticated": get("/admin/projections", tenant=None),
    }


def post(
    path: str, body: str, headers: Mapping[str, str] | None = None, *, caller: bool = True, scope: str = ""
) -> dict[str, Any]:
    """A ``POST`` with a JSON body."""
    sent = {"content-length": str(len(body)), "content-type": "application/json", **(headers or {})}
    return request("POST", path, "", sent, TENANT if caller else None, scope) | {"body": body}


def get(path: str, *, tenant: str | None = TENANT, scope: str = "", **query: str) -> dict[str, Any]:
    """A ``GET`` with a query."""
    event = request("GET", path, urlencode(query), {}, None if path in PUBLIC else tenant, scope)
    return event | ({"queryStringParameters": query} if query else {})


def request(
    method: str, path: str, query: str, headers: Mapping[str, str], tenant: str | None, scope: str
) -> dict[str, Any]:
    """A request without a body; a caller without a tenant brought no token."""
    folder = ADMIN_PATH if path.startswith(ADMIN_PATH) else "/"
    route = f"{method} {path if path in PUBLIC else folder + '{proxy+}'}"
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": {**sent_headers(), **headers},
        "requestContext": context(method, path, route, claims(tenant, scope) if tenant else None),
        **({} if path in PUBLIC else {"pathParameters": {"proxy": path.removeprefix(folder)}}),
        "isBase64Encoded": False,
    }


def sent_headers() -> dict[str, str]:
    """Headers of every request; API Gateway hands a token on, the samples leave it out."""
    return {
        "accept": "*/*",
        "host": HOST,
        "user-agent": "curl/8.5.0",
        "x-amzn-trace-id": "Root=1-695b7a90-0123456789abcdef01234567",
        "x-correlation-id": "correlation-sample",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def context(method: str, path: str, route: str, claims: Mapping[str, str] | None) -> dict[str, Any]:
    """What API Gateway knows of a request."""
    return {
        "accountId": ACCOUNT,
        "apiId": API,
        **({"authorizer": {"jwt": {"claims": claims, "scopes": None}}} if claims else {}),
        "domainName": HOST,
        "domainPrefix": API,
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.7",
            "userAgent": "curl/8.5.0",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": route,
        "stage": "$default",
        "time": START.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(START.timestamp() * 1000),
    }


def claims(tenant: str, scope: str) -> dict[str, str]:
    """Claims of a verified token; API Gateway hands them on as text."""
    return {
        "aud": "banyan",
        "exp": str(int((START + LIFETIME).timestamp())),
        "iat": str(int(START.timestamp())),
        "iss": "https://issuer.example.com/",
        "sub": ACTOR,
        "tenant": tenant,
        **({"scope": scope} if scope else {}),
    }
