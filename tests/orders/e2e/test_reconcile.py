"""A reconciliation of the running stack, started and followed from the command line."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import pytest
from tests.orders.e2e.conftest import Stack
from tests.support.clocks import PATIENCE, only_on_the_exact_engine, wait_until
from typer.testing import CliRunner

from banyan.entrypoints.http.identity import ADMIN
from banyan_tools.cli.app import app
from banyan_tools.local.process import lag
from banyan_tools.local.token import make_token


@pytest.mark.stack
def test_the_console_starts_the_reconciler_whose_report_is_shown(stack: Stack) -> None:
    only_on_the_exact_engine(stack.engine)
    tenant = f"reconciled-{uuid4().hex[:8]}"
    token = make_token(tenant, stack.data, scopes=[ADMIN])
    body = {"customerId": "c-1", "items": [{"sku": "A", "quantity": 1, "price": "2.50"}]}
    headers = {"Authorization": f"Bearer {token}"}
    httpx.post(f"{stack.url}/orders", json=body, headers=headers, timeout=PATIENCE).raise_for_status()
    wait_until(lambda: lag(stack.url, "ProjectorCommits") == 0, "the order to be projected")
    environment = {"BANYAN_URL": stack.url, "BANYAN_TOKEN": token}
    done = CliRunner().invoke(app, ["reconcile", "run", "--every", "0.2", "--json"], env=environment)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    compared = {section["name"]: section["compared"] for section in report["sections"]}
    assert (report["drifted"], compared["streams"] >= 1) == (False, True)
    latest = CliRunner().invoke(app, ["reconcile", "status", "--json"], env=environment)
    assert json.loads(latest.stdout)["latest"]["id"] >= report["id"]
