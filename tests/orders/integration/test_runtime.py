"""Every function with every sample event, under Lambda's own runtime and the function's own role."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.support.clocks import wait_until

from banyan_tools.runtime.backend import Backend, moto
from banyan_tools.runtime.cases import cases, read_case
from banyan_tools.runtime.emulator import FunctionFailed, unavailable
from banyan_tools.runtime.sandbox import Sandbox, load_template
from banyan_tools.samples.records import batch, inserted
from banyan_tools.samples.requests import ADMIN, post
from orders.tools.samples.orders import HISTORY
from orders.tools.samples.records import LEGACY_STREAM_ARN
from orders.tools.samples.requests import PROJECTION

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.xdist_group("runtime"),
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

Expectation = tuple[int, Mapping[str, Any]]

COMMANDS: Mapping[str, Expectation] = {
    "create_order": (201, {"orderId": "order-2001", "version": 1, "status": "created", "totalAmount": "15.25"}),
    "create_order_base64": (201, {"orderId": "order-2002", "version": 1, "status": "created", "totalAmount": "15.25"}),
    "add_item": (200, {"orderId": "order-1001", "version": 2, "totalAmount": "14.00"}),
    "pay": (200, {"orderId": "order-1002", "version": 2, "status": "paid", "totalAmount": "25.50"}),
    "cancel": (200, {"orderId": "order-1003", "version": 3, "status": "cancelled"}),
    "receive_stock": (200, {"sku": "PEN-BLUE", "version": 1, "available": 5}),
    "conflict": (412, {"code": "version_conflict", "expected": 1}),
    "already_paid": (409, {"code": "order_already_paid"}),
    "invalid": (422, {"code": "quantity_out_of_range", "field": "items.0.quantity"}),
    "malformed": (400, {"code": "malformed_json"}),
    "unauthenticated": (401, {"code": "unauthorized"}),
    "unknown_route": (404, {"code": "not_found"}),
}
QUERIES: Mapping[str, Expectation] = {
    "health": (200, {"status": "ok"}),
    "openapi": (200, {"openapi": "3.1.0"}),
    "order": (200, {"orderId": "order-1004", "status": "paid", "version": 3, "servedFrom": "projection"}),
    "order_from_stream": (200, {"orderId": "order-1006", "version": 2, "servedFrom": "stream"}),
    "order_at_version": (200, {"status": "created", "version": 1, "totalAmount": "15.50", "servedFrom": "stream"}),
    "order_at_time": (200, {"status": "paid", "version": 3, "asOf": "2026-01-31T00:00:00Z", "servedFrom": "stream"}),
    "order_events": (200, {"events.0.eventType": "OrderItemAdded", "events.0.version": 2, "next": 2}),
    "orders": (200, {"orders.0.orderId": "order-1005", "orders.1.orderId": "order-1004"}),
    "orders_by_customer": (200, {"orders.2.orderId": "order-1001", "orders.2.totalAmount": "10.00", "cursor": None}),
    "orders_by_status": (200, {"orders.0.orderId": "order-1003", "orders.0.status": "created", "cursor": None}),
    "customer_totals": (200, {"customerId": "customer-1", "orders": 3, "paidOrders": 1, "paidAmount": "25.50"}),
    "daily_sales": (200, {"days.0.day": "2026-01-05", "days.0.net": "25.50"}),
    "orders_by_day": (200, {"orders.0.orderId": "order-1001"}),
    "daily_sales_page": (200, {"days.0.day": "2026-01-05"}),
    "unknown_order_of_a_list": (400, {"code": "invalid_order"}),
    "unknown_stock": (404, {"code": "sku_not_tracked"}),
    "unknown_order": (404, {"code": "order_not_found"}),
    "other_tenant": (404, {"code": "order_not_found"}),
    "unauthenticated": (401, {"code": "unauthorized"}),
}
OPERATIONS: Mapping[str, Expectation] = {
    "overview": (200, {"migration": None, "ingest": None}),
    "projections": (200, {"projections.0.status": "active"}),
    "projection": (200, {"projection": "order", "live": 1, "status": "active", "pause": None}),
    "pause": (200, {"status": "paused", "pause.reason": "maintenance"}),
    "resume": (200, {"generations.0.complete": True}),
    "retry": (200, {"parked": None}),
    "retry_reactor": (200, {"parked": None}),
    "preview": (200, {"streams": 6, "rows": 6}),
    "rebuild": (200, {"stage": "building", "generation": 2}),
    "streams": (200, {"streams.0.version": 2, "stoppedEarly": False}),
    "stream_events": (200, {"version": 3, "events.0.version": 2, "events.1.eventType": "OrderPaid", "next": None}),
    "stream_state": (200, {"version": 2, "streamVersion": 3, "state.status": "created", "error": None}),
    "stream_rows": (200, {"projections.0.equal": True, "projections.0.version": 3}),
    "stream_verified": (200, {"intact": True, "version": 3, "problems": []}),
    "events": (200, {"events.0.eventType": "OrderPaid", "atEnd": True}),
    "events_backwards": (200, {"events.0.error": None, "atEnd": False}),
    "contents_without_scope": (403, {"code": "forbidden_scope"}),
    "correlation": (404, {"code": "correlation_not_found"}),
    "deadlines": (200, {"due": 1}),
    "deadlines_retried": (200, {"retried": 0}),
    "reconciliation": (200, {"run": None, "latest": None}),
    "reconcile": (200, {"run": None}),
    "reports": (200, {"reports": []}),
    "migration": (404, {"code": "migration_off"}),
    "unknown_projection": (404, {"code": "projection_not_found"}),
    "without_scope": (403, {"code": "forbidden_scope"}),
    "unauthenticated": (401, {"code": "unauthorized"}),
    "page_sign_in": (200, {}),
    "unknown_page_file": (404, {"code": "not_found"}),
}
PAGES: Mapping[str, tuple[str, bytes]] = {
    "page": ("text/html; charset=utf-8", b"<!doctype html>"),
    "page_file": ("text/javascript; charset=utf-8", b"session.start()"),
}
PROJECTED = ("insert", "duplicate", "gap", "modify", "remove", "snapshot")
REACTED = ("insert", "duplicate", "gap")
REBUILT = ("segment",)
SCHEDULED = ("scheduled",)


@pytest.fixture(scope="module")
def services(dynamodb_endpoint: str | None) -> Iterator[Backend]:
    """The services, without anything in them: what the engines themselves do is the contract suites' business."""
    with moto() as others:
        yield Backend(dynamodb_endpoint or others, others)


@pytest.fixture
def sandbox(services: Backend) -> Iterator[Sandbox]:
    """The sample orders, without read models."""
    quick = {"ControlCacheMs": "100", "ReconciliationSettleMs": "200"}
    with Sandbox(
        load_template(RollbackLagMs="1", BusEntryBytes="4096", LegacyStreamArn=LEGACY_STREAM_ARN, **quick), services
    ) as running:
        yield running


def project(sandbox: Sandbox, case: str) -> Any:
    """Let the projector take in a sample batch."""
    return sandbox.invoke("projector", read_case("projector", case))


def query(sandbox: Sandbox, case: str) -> Any:
    """What ``query_api`` answers to a sample request."""
    return json.loads(sandbox.invoke("query_api", read_case("query_api", case))["body"])


def member(value: Any, path: str) -> Any:
    """A member of nested JSON, for example ``orders.0.status``."""
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


def check_answer(answer: Any, expected: Expectation) -> None:
    """Hold an HTTP answer to its status and to some members of its body."""
    status, members = expected
    body = json.loads(answer["body"])
    assert answer["statusCode"] == status, body
    assert {path: member(body, path) for path in members} == members
    kind = "application/problem+json" if status >= 400 else "application/json"
    assert answer["headers"]["Content-Type"] == kind


def rows(sandbox: Sandbox, table: str) -> list[Any]:
    """Everything in a table, in a stable order."""
    found = sandbox.client.scan(TableName=sandbox.table(table), ConsistentRead=True)["Items"]
    return sorted(found, key=repr)


def test_every_sample_event_is_expected_to_do_something() -> None:
    expected = {
        "command_api": COMMANDS,
        "query_api": QUERIES,
        "console": [*OPERATIONS, *PAGES],
        "projector": (*PROJECTED, *SCHEDULED),
        "reactor": (*REACTED, *SCHEDULED),
        "rebuild_worker": REBUILT,
        "change_marker": ("rows", "legacy_rows"),
        "reconciler": SCHEDULED,
        "deadlines": SCHEDULED,
        "migration_controller": SCHEDULED,
    }
    assert sorted(cases()) == sorted((function, case) for function, names in expected.items() for case in names)


def test_every_function_of_the_template_has_a_sample_event() -> None:
    functions = load_template().resources("AWS::Lambda::Function")
    assert {function for function, _ in cases()} == {f.properties["Code"]["S3Key"].split("/")[1] for f in functions}


def test_command_api(sandbox: Sandbox, subtests: pytest.Subtests) -> None:
    for case, expected in COMMANDS.items():
        with subtests.test(case):
            check_answer(sandbox.invoke("command_api", read_case("command_api", case)), expected)


def test_command_api_answers_a_repeated_request_with_its_first_answer(sandbox: Sandbox) -> None:
    request = read_case("command_api", "create_order")
    first = sandbox.invoke("command_api", request)
    before = rows(sandbox, "EventsTable")
    again = sandbox.invoke("command_api", request)
    assert again["body"] == first["body"]
    assert again["headers"]["Idempotency-Replayed"] == "true"
    assert rows(sandbox, "EventsTable") == before


def test_query_api(sandbox: Sandbox, subtests: pytest.Subtests) -> None:
    project(sandbox, "insert")
    for case, expected in QUERIES.items():
        with subtests.test(case):
            check_answer(sandbox.invoke("query_api", read_case("query_api", case)), expected)


def test_console(sandbox: Sandbox, subtests: pytest.Subtests) -> None:
    for case, expected in OPERATIONS.items():
        with subtests.test(case):
            check_answer(sandbox.invoke("console", read_case("console", case)), expected)


@pytest.mark.parametrize("case", PAGES)
def test_console_serves_its_page_compressed(sandbox: Sandbox, case: str) -> None:
    answer = sandbox.invoke("console", read_case("console", case))
    content_type, part = PAGES[case]
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert (answer["headers"]["Content-Type"], answer["headers"]["Content-Encoding"]) == (content_type, "gzip")
    assert part in gzip.decompress(base64.b64decode(answer["body"]))


def test_console_hands_a_reconciliation_over_and_shows_its_report(sandbox: Sandbox) -> None:
    def asked(case: str) -> Any:
        return json.loads(sandbox.invoke("console", read_case("console", case))["body"])

    assert asked("reconcile")["latest"] is None
    (event,) = sandbox.started("console")
    report = sandbox.invoke("reconciler", event)
    assert (report["full"], event) == (True, {"full": True, "repair": False})
    assert [listed["startedAt"] for listed in asked("reports")["reports"]] == [report["startedAt"]]
    assert asked("reconciliation")["run"] is None


def test_projector_fills_the_read_models_once(sandbox: Sandbox) -> None:
    assert project(sandbox, "insert") == {"batchItemFailures": []}
    filled = rows(sandbox, "ViewsTable")
    assert query(sandbox, "customer_totals")["paidAmount"] == "25.50"
    assert project(sandbox, "duplicate") == {"batchItemFailures": []}
    assert project(sandbox, "snapshot") == {"batchItemFailures": []}
    assert rows(sandbox, "ViewsTable") == filled


def test_rebuild_worker_builds_a_generation_that_the_console_switches_to(sandbox: Sandbox) -> None:
    project(sandbox, "insert")
    before = rows(sandbox, "EventsTable")
    assert sandbox.invoke("rebuild_worker", read_case("rebuild_worker", "segment")) is None
    begun = operate(sandbox, "rebuild")
    assert (begun["generation"], begun["stage"], begun["phase"]) == (2, "building", "counting")
    work_off(sandbox)
    unseen = operate(sandbox, "rebuild/stream", stream="acme:order:order-1006")
    assert unseen["generations"] == {n: {"version": 2, "replaced": True} for n in ("1", "2")}
    assert operate(sandbox, "switch", acceptDifferences=True)["live"] == 2
    old, new = ([r for r in rows(sandbox, "ViewsTable") if r["row"]["S"].startswith(f"order@{n}#")] for n in (1, 2))
    assert [row["state"] for row in old] == [row["state"] for row in new]
    assert (len(new), rows(sandbox, "EventsTable")) == (6, before)


def operate(sandbox: Sandbox, verb: str, **body: Any) -> Any:
    """What the console answers to an operator of ``order``."""
    answer = sandbox.invoke("console", post(f"{PROJECTION}/{verb}", json.dumps(body), scope=ADMIN))
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def work_off(sandbox: Sandbox) -> None:
    """Hand out what waits for the rebuild worker, as Lambda does, until nothing is left."""
    queue = sandbox.service("sqs")
    url = queue.get_queue_url(QueueName="banyan-RebuildQueue")["QueueUrl"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]

    def left() -> bool:
        attributes = queue.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
        return any(int(attributes[count]) for count in counts)

    def hand_out() -> bool:
        for message in queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sandbox.invoke("rebuild_worker", {"Records": [{"body": message["Body"]}]})
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return not left()

    wait_until(hand_out, "the rebuild")


def test_reactor_takes_in_what_is_delivered_and_what_is_left_out(sandbox: Sandbox) -> None:
    for case in (*REACTED, *REACTED):
        assert sandbox.invoke("reactor", read_case("reactor", case)) == {"batchItemFailures": []}
    cursors = {row["cursor"]["S"]: row["version"]["N"] for row in rows(sandbox, "CursorsTable")}
    reached = {order: cursors[f"reactor@1#acme:order:order-{order}"] for order in ("1004", "1005", "1006")}
    assert reached == {"1004": "3", "1005": "2", "1006": "2"}


def react(sandbox: Sandbox, order: str) -> None:
    """Let the reactor take in an order's commits."""
    stream = {"S": f"acme:order:{order}"}
    items = [row for row in rows(sandbox, "EventsTable") if row["stream"] == stream]
    delivered = batch(inserted(item) for item in sorted(items, key=lambda item: int(item["position"]["N"])))
    assert sandbox.invoke("reactor", delivered) == {"batchItemFailures": []}


def test_an_order_that_is_not_paid_in_time_is_cancelled_by_its_deadline_once(sandbox: Sandbox) -> None:
    sandbox.invoke("command_api", read_case("command_api", "create_order"))
    for _ in range(2):
        react(sandbox, "order-2001")
    (waiting,) = rows(sandbox, "DeadlinesTable")
    assert (waiting["stream"]["S"], waiting["name"]["S"]) == ("acme:order:order-2001", "payment")
    assert sandbox.invoke("deadlines", read_case("deadlines", "scheduled"))["fired"] == 0
    overdue = waiting | {"due": {"S": "2026-01-05T09:00:00.000000Z#overdue"}}
    for _ in range(2):
        sandbox.client.put_item(TableName=sandbox.table("DeadlinesTable"), Item=overdue)
        assert sandbox.invoke("deadlines", read_case("deadlines", "scheduled"))["fired"] == 1
    (cancelled,) = [row for row in rows(sandbox, "EventsTable") if "OrderCancelled" in repr(row) and is_new(row)]
    assert (cancelled["position"]["N"], cancelled["commit_id"]) == ("2", waiting["commit_id"])


def is_new(row: Any) -> bool:
    """Whether an item is of an order that was not there before."""
    return bool(row["stream"]["S"] == "acme:order:order-2001")


def test_reactor_keeps_traces_and_claims_what_is_too_large_for_the_bus(sandbox: Sandbox) -> None:
    request = read_case("command_api", "create_order")
    line = json.loads(request["body"])["items"][0]
    body = json.loads(request["body"]) | {"items": [line | {"sku": f"SKU-{number}"} for number in range(60)]}
    sandbox.invoke("command_api", request | {"body": json.dumps(body)})
    react(sandbox, "order-2001")
    (claimed,) = sandbox.service("s3").list_objects_v2(Bucket="banyan-claimsbucket")["Contents"]
    assert claimed["Key"].startswith("acme/order/order-2001/1/")
    traced = {(row["entry"]["S"].split("#", 1)[1]) for row in rows(sandbox, "TracesTable")}
    assert "acme:order:order-2001#0000000001" in traced


def test_reactor_reserves_what_a_new_order_asks_for(sandbox: Sandbox) -> None:
    for case in ("receive_stock", "create_order"):
        sandbox.invoke("command_api", read_case("command_api", case))
    items = {row["stream"]["S"]: row for row in rows(sandbox, "EventsTable")}
    delivered = batch([inserted(items["acme:order:order-2001"])])
    assert [sandbox.invoke("reactor", delivered) for _ in range(2)] == [{"batchItemFailures": []}] * 2
    stock = [row for row in rows(sandbox, "EventsTable") if row["stream"]["S"] == "acme:inventory:sku.PEN-BLUE"]
    assert sorted(row["types"]["L"][0]["S"] for row in stock) == ["StockReceived", "StockReserved"]


def test_projector_reads_what_the_stream_left_out(sandbox: Sandbox) -> None:
    assert project(sandbox, "gap") == {"batchItemFailures": []}
    healed = query(sandbox, "order_from_stream")
    assert (healed["version"], healed["servedFrom"], len(healed["items"])) == (2, "projection", 2)


def test_projector_heals_on_schedule_what_no_stream_delivered(sandbox: Sandbox) -> None:
    healed = sandbox.invoke("projector", read_case("projector", "scheduled"))["caughtUp"]
    assert {(report["complete"], report["error"]) for report in healed.values()} == {(True, None)}
    assert healed["order@1"]["healed"] == len(HISTORY)
    assert query(sandbox, "order_from_stream")["servedFrom"] == "projection"


@pytest.mark.parametrize("case", ["modify", "remove"])
def test_projector_counts_tampering(sandbox: Sandbox, case: str) -> None:
    assert project(sandbox, case) == {"batchItemFailures": []}
    assert metric(sandbox, "projector", "EventTableTampered") == [1.0]
    (line,) = [line for line in lines(sandbox, "projector") if line.get("level") == "ERROR"]
    assert (line["stream"], line["position"]) == ("acme:order:order-1004", "3")


def test_projector_asks_for_an_unreadable_commit_again_then_parks_its_stream(sandbox: Sandbox) -> None:
    batch = read_case("projector", "gap")
    change = batch["Records"][0]["dynamodb"]
    unreadable = {
        "S": '[{"id":"1","type":"OrderTeleported","timestamp":"2026-01-05T09:11:00Z","data":{},"metadata":{}}]'
    }
    sandbox.client.update_item(
        TableName=sandbox.table("EventsTable"),
        Key=change["Keys"],
        UpdateExpression="SET events = :events",
        ExpressionAttributeValues={":events": unreadable},
    )
    change["NewImage"]["events"] = unreadable
    again = {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
    assert [sandbox.invoke("projector", batch) for _ in range(4)] == [again, again, again, {"batchItemFailures": []}]
    assert metric(sandbox, "projector", "ProjectionParked") == [1.0] * 4


def test_reconciler_finds_nothing_until_something_differs(sandbox: Sandbox) -> None:
    project(sandbox, "insert")
    project(sandbox, "gap")
    report = sandbox.invoke("reconciler", read_case("reconciler", "scheduled"))
    assert {section["name"]: section["differences"] for section in report["sections"]} == dict.fromkeys(
        ["streams", "order", "order_list", "customer_totals", "daily_sales", "stock"], 0
    )
    assert metric(sandbox, "reconciler", "ReconciliationDrift") == []
    row = next(
        row for row in rows(sandbox, "ViewsTable") if row["row"]["S"].startswith("order@1#acme:order:order-1004")
    )
    sandbox.client.delete_item(TableName=sandbox.table("ViewsTable"), Key={key: row[key] for key in ("row", "sort")})
    sandbox.invoke("change_marker", read_case("change_marker", "rows"))
    report = sandbox.invoke("reconciler", read_case("reconciler", "scheduled"))
    assert [finding["kind"] for section in report["sections"] for finding in section["findings"]] == ["missing_row"]
    assert metric(sandbox, "reconciler", "ReconciliationDrift") == [1.0]
    assert len(rows(sandbox, "ReportsTable")) == 2


def test_rows_of_a_legacy_table_are_marked_and_a_nameless_one_is_counted(sandbox: Sandbox) -> None:
    sandbox.invoke("change_marker", read_case("change_marker", "legacy_rows"))
    marks = [row for row in rows(sandbox, "DigestsTable") if row["part"]["S"].startswith("marks#legacy:order#")]
    assert sorted(row["cell"]["S"] for row in marks) == ["acme:order:order-1004", "acme:order:order-1005"]
    assert metric(sandbox, "change_marker", "UnreadableRecords") == [1.0]


def test_a_batch_that_is_none_fails_the_invocation(sandbox: Sandbox) -> None:
    with pytest.raises(FunctionFailed, match="KeyError"):
        sandbox.invoke("projector", {"Records": [{}]})


def metric(sandbox: Sandbox, function: str, name: str) -> list[float]:
    """Values that a function reported under a metric's name, with ``service`` as their only dimension."""
    found = [line for line in lines(sandbox, function) if name in line]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in found)
    return [value for line in found for value in line[name]]


def lines(sandbox: Sandbox, function: str) -> list[dict[str, Any]]:
    """Every line that a function logged as JSON."""
    return [json.loads(line) for line in sandbox.emulator(function).log.splitlines() if line.startswith("{")]
