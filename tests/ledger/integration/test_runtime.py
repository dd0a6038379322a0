"""The ledger's functions with every sample event, under Lambda's own runtime and each function's own role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from banyan_tools.runtime.backend import Backend, moto
from banyan_tools.runtime.cases import cases, read_case
from banyan_tools.runtime.emulator import unavailable
from banyan_tools.runtime.sandbox import Sandbox, load_template

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.xdist_group("runtime"),
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

DOMAIN = "ledger"
Expectation = tuple[int, Mapping[str, Any]]

COMMANDS: Mapping[str, Expectation] = {
    "open_account": (201, {"accountId": "card", "scale": 2, "balance": "0.00"}),
    "submit_transfer": (201, {"status": "posted", "transferId": "sale-4"}),
    "pending_transfer": (201, {"status": "pending"}),
    "late_transfer": (201, {"effectiveDate": "2026-01-01", "lateFor": "2025-12-31"}),
    "post_part": (200, {"status": "posted"}),
    "void_transfer": (200, {"status": "voided"}),
    "reverse_transfer": (200, {"reversedBy": "reversal-1-sale-3"}),
    "own_approval": (409, {"code": "approver_is_author"}),
    "approve_transfer": (200, {"status": "posted"}),
    "freeze_account": (200, {"status": "frozen"}),
    "close_period": (200, {"closed": True}),
    "reopen_period": (200, {"closed": False}),
    "unbalanced": (422, {}),
    "overdrawn": (409, {"code": "insufficient_funds"}),
    "other_content": (409, {"code": "transfer_exists_with_different_content"}),
    "auditor": (403, {"code": "forbidden_scope", "scopes": ["ledger/write"]}),
}
QUERIES: Mapping[str, Expectation] = {
    "account": (200, {"balance": "120.50", "pendingCredits": "50.00", "servedFrom": "projection"}),
    "account_at_version": (200, {"version": 2}),
    "statement": (200, {"closingBalance": "45.00"}),
    "accounts": (200, {}),
    "accounts_by_type": (200, {}),
    "transfer": (200, {"reversedBy": "reversal-1-sale-2"}),
    "waiting_transfer": (200, {}),
    "transfers": (200, {}),
    "journal": (200, {}),
    "trial_balance": (200, {}),
    "periods": (200, {}),
    "unknown_account": (404, {}),
    "without_scope": (403, {"code": "forbidden_scope"}),
}
OTHERS = {
    "projector": {"insert", "duplicate", "scheduled"},
    "reactor": {"insert", "scheduled"},
    "change_marker": {"rows"},
    "reconciler": {"scheduled"},
    "deadlines": {"scheduled"},
    "rebuild_worker": {"segment"},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The book, without read models."""
    with moto() as url, Sandbox(load_template(Domain=DOMAIN), Backend(url, url), DOMAIN) as running:
        yield running


def test_every_sample_event_is_expected_to_do_something() -> None:
    expected = {"command_api": COMMANDS, "query_api": QUERIES, **OTHERS}
    assert sorted(cases(DOMAIN)) == sorted((function, case) for function, names in expected.items() for case in names)


def test_requests_are_answered(sandbox: Sandbox, subtests: pytest.Subtests) -> None:
    for case in ("insert", "duplicate"):
        assert sandbox.invoke("projector", read_case("projector", case, DOMAIN)) == {"batchItemFailures": []}
    for function, expectations in (("query_api", QUERIES), ("command_api", COMMANDS)):
        for case, (status, members) in expectations.items():
            with subtests.test(case):
                answer = sandbox.invoke(function, read_case(function, case, DOMAIN))
                body = json.loads(answer["body"])
                assert answer["statusCode"] == status, body
                assert {name: body[name] for name in members} == members, body


def test_queries_are_answered_by_a_role_that_may_not_read_the_event_table(subtests: pytest.Subtests) -> None:
    template = load_template(Domain=DOMAIN, QueriesReadEvents="off")
    with moto() as url, Sandbox(template, Backend(url, url), DOMAIN) as sandbox:
        sandbox.invoke("projector", read_case("projector", "insert", DOMAIN))
        for case, (status, _) in QUERIES.items():
            with subtests.test(case):
                assert sandbox.invoke("query_api", read_case("query_api", case, DOMAIN))["statusCode"] == status
        health = json.loads(sandbox.invoke("query_api", read_case("query_api", "health"))["body"])
        assert (health["status"], health["tables"]) == ("ok", ["views", "cursors"])


def test_the_other_functions_take_what_happened(sandbox: Sandbox) -> None:
    assert sandbox.invoke("projector", read_case("projector", "insert", DOMAIN)) == {"batchItemFailures": []}
    assert sandbox.invoke("reactor", read_case("reactor", "insert", DOMAIN)) == {"batchItemFailures": []}
    assert sandbox.invoke("deadlines", read_case("deadlines", "scheduled", DOMAIN))["fired"] == 0
    assert sandbox.invoke("change_marker", read_case("change_marker", "rows", DOMAIN)) is None
    assert sandbox.invoke("rebuild_worker", read_case("rebuild_worker", "segment", DOMAIN)) is None
    report = sandbox.invoke("reconciler", read_case("reconciler", "scheduled", DOMAIN))
    assert [finding for section in report["sections"] for finding in section["findings"]] == []
