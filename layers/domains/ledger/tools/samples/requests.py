"""Requests for the routes of the ledger: Alice writes, Bob approves, Eve is an auditor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from banyan_tools.samples.requests import get, post
from ledger.tools.samples.book import AUTHOR, CLOSED

APPROVER: Final = "bob"
AUDITOR: Final = "eve"


def commands() -> Mapping[str, Any]:
    """Every sample event of ``command_api``, by name."""
    return {
        "open_account": _write("/accounts", {"accountId": "card", "type": "liability", "currency": "EUR"}),
        "submit_transfer": _write("/transfers", _transfer("sale-4", "cash", "sales", "9.99")),
        "pending_transfer": _write("/transfers", _transfer("deposit-3", "bank", "cash", "5") | {"pending": True}),
        "late_transfer": _write(
            "/transfers", _transfer("sale-5", "cash", "sales", "3") | {"effectiveDate": "2025-12-31"}
        ),
        "post_part": _write("/transfers/deposit-1/post", {"amount": "15"}),
        "void_transfer": _write("/transfers/deposit-2/void", {"reason": "not needed"}),
        "reverse_transfer": _write("/transfers/sale-3/reverse", {"reason": "entered twice"}),
        "own_approval": _approve("/transfers/rent-1/approve", AUTHOR),
        "approve_transfer": _approve("/transfers/rent-1/approve", APPROVER),
        "freeze_account": _write("/accounts/rent/freeze", {"reason": "under review"}),
        "close_period": _write("/periods/2025-11/close", {}),
        "reopen_period": _write(f"/periods/{CLOSED}/reopen", {"reason": "an invoice came late"}),
        "unbalanced": _write("/transfers", {"postings": [_posting("cash", "1"), _posting("sales", "-2")]}),
        "overdrawn": _write("/transfers", _transfer("deposit-4", "bank", "cash", "1000")),
        "other_content": _write("/transfers", _transfer("sale-1", "cash", "sales", "1")),
        "auditor": post("/transfers/sale-1/void", "{}", scope="ledger/audit", actor=AUDITOR),
    }


def queries() -> Mapping[str, Any]:
    """Every sample event of ``query_api``, by name."""
    return {
        "account": _read("/accounts/cash"),
        "account_at_version": _read("/accounts/cash", atVersion="2"),
        "statement": _read("/accounts/bank/statement", **{"from": "2026-01-01", "to": "2026-01-31"}),
        "accounts": _read("/accounts", limit="2"),
        "accounts_by_type": _read("/accounts", type="income"),
        "transfer": _read("/transfers/sale-2"),
        "waiting_transfer": _read("/transfers/rent-1"),
        "transfers": _read("/transfers", status="awaiting_approval"),
        "journal": _read("/journal", limit="2"),
        "trial_balance": _read("/trial-balance", currency="EUR"),
        "periods": _read("/periods"),
        "unknown_account": _read("/accounts/nothing"),
        "without_scope": get("/accounts/cash", actor=AUDITOR),
    }


def _write(path: str, body: Any) -> dict[str, Any]:
    return post(path, json.dumps(body), scope="ledger/write", actor=AUTHOR)


def _approve(path: str, actor: str) -> dict[str, Any]:
    return post(path, "", scope="ledger/approve", actor=actor)


def _read(path: str, **query: str) -> dict[str, Any]:
    return get(path, scope="ledger/audit", actor=AUDITOR, **query)


def _transfer(id: str, to: str, source: str, amount: str) -> dict[str, Any]:
    return {"transferId": id, "postings": [_posting(to, amount), _posting(source, f"-{amount}")]}


def _posting(account: str, amount: str) -> dict[str, str]:
    return {"accountId": account, "amount": amount}
