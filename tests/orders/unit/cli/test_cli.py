"""The command line against the real API behind the local gateway: what it prints, what it does, how it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from rich.table import Table
from tests.orders.support.http import CONTEXT, body_of, event
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.cli.conftest import Banyan
from tests.support.clocks import meanwhile
from tests.support.engines import moto_tables
from typer.testing import CliRunner

from banyan.entrypoints.http.identity import ADMIN
from banyan.projections import operations
from banyan.projections.views import Generation
from banyan.streams import StreamId
from banyan_tools.cli.app import app
from banyan_tools.cli.client import Client
from banyan_tools.cli.output import say
from banyan_tools.local.ports import free_port
from banyan_tools.local.token import make_token
from banyan_tools.project import ROOT

POISONED = "acme:order:poison"
OPERATIONS = Path(__file__).parents[4] / "docs" / "operations.md"


@pytest.fixture
def platform() -> Iterator[InProcessPlatform]:
    """Three orders, one of which the list of orders cannot take in."""
    with moto_tables() as engine:
        platform = InProcessPlatform(engine, poisoned="poison")
        for order in ("o-1", "poison", "o-2"):
            platform.order(order)
        platform.deliver()
        yield platform


@pytest.fixture
def working(platform: InProcessPlatform) -> Iterator[None]:
    """The worker of rebuilds, at work."""
    with meanwhile(platform.work_off, pause=0.02):
        yield


def test_projections_are_listed_for_people_and_as_the_api_says(platform: InProcessPlatform, banyan: Banyan) -> None:
    shown = banyan("projections list")
    assert shown.exit_code == 0
    for projection in platform.app.domain.projections:
        assert projection.name in shown.stdout
    listed = banyan("projections list --json").stdout
    said = platform.ask("/admin/projections")["body"]
    assert [each["projection"] for each in json.loads(listed)["projections"]] == [
        each["projection"] for each in json.loads(said)["projections"]
    ]


def test_a_parked_stream_is_shown_and_retried(platform: InProcessPlatform, banyan: Banyan) -> None:
    shown = banyan("projections show order_list").stdout
    assert POISONED in shown
    assert "KeyError" in shown
    assert "1970" not in shown
    again = banyan("projections retry order_list --all")
    assert (again.exit_code, "parked again" in again.stdout) == (1, True)
    platform.mended = True
    assert banyan.json(f"projections retry order_list {POISONED}") == {"parked": None}
    assert banyan("projections retry order_list --all").exit_code == 1, "there is nothing left to retry"
    assert platform.differing() == []


def test_all_parked_streams_are_retried_when_the_list_shows_a_part(
    banyan: Banyan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PARKED_LOOKED_AT", 2)
    for order in ("acme:order:o-1", "acme:order:o-2"):
        banyan(f"projections park order_list {order} --reason wrong")
    assert "2 or more" in banyan("projections show order_list").stdout
    retried = banyan("projections retry order_list --all")
    assert [line.split()[0] for line in retried.stdout.splitlines()] == [POISONED, "acme:order:o-1", "acme:order:o-2"]
    assert [line.rpartition("is ")[2].split()[0] for line in retried.stdout.splitlines()] == ["parked", "up", "up"]


def test_the_reactor_is_listed_and_its_parked_streams_are_retried(platform: InProcessPlatform, banyan: Banyan) -> None:
    platform.react()
    assert "reactor" in banyan("projections list").stdout
    shown = banyan("projections show reactor").stdout
    assert POISONED in shown
    assert "when retried" in shown
    platform.mended = True
    assert "is up to date" in banyan("projections retry reactor --all").stdout
    assert platform.scheduled() == {"o-1", "o-2", "poison"}


def test_pausing_parking_and_resuming(platform: InProcessPlatform, banyan: Banyan) -> None:
    paused = banyan("projections pause order_list --reason maintenance")
    assert "maintenance" in paused.stdout
    platform.order("o-3")
    platform.deliver()
    resumed = banyan("projections resume order_list")
    assert "order_list is up to date" in resumed.stdout
    parked = banyan("projections park order_list acme:order:o-1 --reason wrong").stdout
    assert "o-1 is parked" in parked
    assert "`banyan projections retry order_list acme:order:o-1`" in parked


def test_a_stream_is_shown_with_what_follows_a_version(banyan: Banyan) -> None:
    for number in range(3):
        body = {"sku": f"later-{number}", "quantity": 1, "price": "1"}
        assert banyan.api("POST", "/orders/o-1/items", body).status_code == 200
    shown = banyan("streams show acme:order:o-1 --after 1 --limit 2").stdout
    assert [sku in shown for sku in ("later-0", "later-1", "later-2", "OrderCreated")] == [True, True, False, False]
    assert "./banyan streams show acme:order:o-1 --after 3" in shown
    assert [event["version"] for event in banyan.json("streams show acme:order:o-1")["events"]] == [1, 2, 3, 4]
    assert banyan.api("GET", "/admin/streams/acme:order:o-1/events?after=4").json()["next"] is None
    backwards = banyan("streams show acme:order:o-1 --newest --limit 1").stdout
    assert ("later-2" in backwards, "--after 4 --newest" in backwards) == (True, True)
    assert "no events" in banyan("streams show acme:order:none").stderr
    assert banyan("streams show nonsense").exit_code == 1


def test_deadlines_that_wait_are_shown(platform: InProcessPlatform, banyan: Banyan) -> None:
    platform.mended = True
    platform.react()
    shown = banyan("deadlines list").stdout
    assert "0 deadlines due now, 3 waiting." in shown
    assert "acme:order:o-2" in shown


def test_a_table_in_a_pipe_is_not_cut(platform: InProcessPlatform, banyan: Banyan) -> None:
    long = "acme:order:" + "x" * 100
    platform.order("x" * 100)
    shown = banyan(f"streams show {long}", COLUMNS="").stdout
    assert max(map(len, shown.splitlines())) > 200
    assert any("OrderCreated" in line and "x" * 100 in line for line in shown.splitlines())


@pytest.mark.parametrize("line", ["retry", "park --reason typed-wrong", "rebuild --stream"])
def test_a_stream_without_events_is_refused(banyan: Banyan, line: str) -> None:
    verb, *options = line.split()
    words = ["projections", verb, "order_list", *options, "acme:order:nobody"]
    result = banyan(" ".join(words))
    assert (result.exit_code, "no events of acme:order:nobody" in result.stderr) == (1, True)


@pytest.mark.usefixtures("working")
def test_a_generation_that_was_read_until_just_now_is_dropped_as_soon_as_it_can_be(
    platform: InProcessPlatform, banyan: Banyan, monkeypatch: pytest.MonkeyPatch
) -> None:
    banyan("projections rebuild customer_totals --switch --every 0.01")
    refused = banyan("projections drop customer_totals 1")
    assert (refused.exit_code, "may still be read until" in refused.stderr) == (1, True)
    pauses: list[float] = []

    def later(seconds: float) -> None:
        pauses.append(seconds)
        platform.clock.move(timedelta(seconds=6))

    monkeypatch.setattr("banyan_tools.cli.projections.time.sleep", later)
    assert "is being deleted" in banyan("projections drop customer_totals 1 --wait --every 6").stdout
    assert pauses == [6, 6]
    assert banyan("projections drop customer_totals 1 --wait").exit_code in (0, 1)


@pytest.mark.usefixtures("working")
def test_a_rebuild_from_its_preview_to_the_way_back(platform: InProcessPlatform, banyan: Banyan) -> None:
    platform.mended = True
    banyan(f"projections retry order_list {POISONED}")
    assert "write units" in banyan("projections preview order_list").stdout
    rebuilt = banyan("projections rebuild order_list --writes 5000 --every 0.02")
    assert (rebuilt.exit_code, "0 differ" in rebuilt.stdout) == (0, True)
    assert banyan.json("projections switch order_list") == {"live": 2}
    assert "generation 1" in banyan("projections switch order_list 1").stdout
    assert banyan("projections progress order_list").exit_code == 0
    assert banyan("projections rebuild order_list --stream acme:order:o-1").exit_code == 0
    assert platform.differing() == []


def test_a_rebuild_continues_when_no_one_watches_it(banyan: Banyan, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("banyan_tools.cli.following.time", SimpleNamespace(sleep=interrupt))
    left = banyan("projections rebuild order_list")
    assert (left.exit_code, "banyan projections progress order_list" in left.stderr) == (130, True)
    assert "is building" in banyan("projections progress order_list").stdout


@pytest.mark.usefixtures("working")
def test_a_rebuild_that_differs_ends_with_1_and_is_given_up(banyan: Banyan) -> None:
    rebuilt = banyan("projections rebuild order_list --switch --every 0.02")
    assert rebuilt.exit_code == 1
    assert POISONED in rebuilt.stdout
    refused = banyan("projections switch order_list")
    assert (refused.exit_code, "generation_differs" in refused.stderr) == (1, True)
    assert banyan("projections cancel order_list").exit_code == 0


@pytest.mark.parametrize("id", ["A#1", '24"x', "A%231", "100%", "a+b", "{x}", "a;b=c", "...", "a|b^c`d", "[red]<a>&~"])
def test_a_trace_is_found_by_any_id_that_a_request_may_bring(
    platform: InProcessPlatform, banyan: Banyan, id: str
) -> None:
    body = {"orderId": "o-odd", "customerId": "c-1", "items": [{"sku": id, "quantity": 1, "price": 1}]}
    sent = platform.apis["banyan-CommandApi"](event("POST", "/orders", body, X_Correlation_Id=id), CONTEXT)
    assert sent["headers"]["X-Correlation-Id"] == id
    for commit in platform.app.store.commits(StreamId("acme", "order", "o-odd")):
        platform.app.traces.act(commit, platform.app.store.decode(commit))

    assert "acme:order:o-odd@1" in banyan("trace", id).output
    assert banyan.api("GET", "/orders/o-odd?minVersion=1").json()["items"][0]["sku"] == id
    assert banyan.api("POST", f"/inventory/{quote(id, safe='')}/receive", {"quantity": 2}).json()["sku"] == id
    assert banyan.api("GET", f"/inventory/{quote(id, safe='')}?minVersion=1").json()["available"] == 2


@pytest.mark.parametrize("id", ["web/42", "a\\b", "a?b", ".", "..", "", "a\n"])
def test_an_id_that_no_path_can_carry_is_one_sentence(banyan: Banyan, id: str) -> None:
    refused = banyan("trace", id)
    assert (refused.exit_code, "There is nothing under" in refused.stderr) == (1, True)
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("customer", ["राम कुमार", "Smith, John", "O'Brien & Co (UK)", "Zoe\u0308", "a+b@example.com"])
def test_a_customer_is_found_through_the_gateway(platform: InProcessPlatform, banyan: Banyan, customer: str) -> None:
    body = {"orderId": "o-named", "customerId": customer, "items": [{"sku": "A", "quantity": 1, "price": 1}]}
    assert banyan.api("POST", "/orders", body).status_code == 201
    platform.deliver(StreamId("acme", "order", "o-named"))

    assert banyan.api("GET", f"/customers/{quote(customer, safe='')}/totals").json()["orders"] == 1
    assert len(banyan.api("GET", f"/orders?customer={quote(customer, safe='')}").json()["orders"]) == 1


def test_a_trace_is_a_tree_of_causes(platform: InProcessPlatform, banyan: Banyan) -> None:
    (commit,) = platform.app.store.commits(next(s for s in platform.app.store.streams() if s.id == "o-1"))
    platform.app.traces.act(commit, platform.app.store.decode(commit))
    (recorded,) = platform.app.store.decode(commit)
    shown = banyan(f"trace {recorded.metadata.correlation_id}")
    assert "acme:order:o-1@1  OrderCreated  by user-1" in shown.stdout
    assert "correlation_not_found" in banyan(f"trace {recorded.metadata.correlation_id} --tenant globex").stderr
    unknown = banyan("trace nobody-asked")
    assert (unknown.exit_code, "correlation_not_found" in unknown.stderr) == (1, True)


def test_deadlines_are_listed_and_retried(platform: InProcessPlatform, banyan: Banyan) -> None:
    assert "0 deadlines due now" in banyan("deadlines list").stdout
    assert banyan.json("deadlines retry") == {"retried": 0}
    platform.mended = True
    platform.react()
    for each in list(platform.app.deadlines.due(platform.clock.now + timedelta(days=365))):
        platform.app.deadlines.park(each)
    assert banyan.json(f"deadlines retry {POISONED} payment") == {"retried": 1}
    refused = banyan(f"deadlines retry {POISONED} payment")
    assert (refused.exit_code, "deadline_not_found" in refused.stderr) == (1, True)
    platform.clock.move(timedelta(days=365))
    shown = banyan("deadlines list").stdout
    assert [words in shown for words in ("1 deadline due now", "Due deadlines", "Parked deadlines")] == [True] * 3
    assert banyan.json("deadlines retry acme:order:o-1") == {"retried": 1}
    assert "Waiting again: 1 deadline." in banyan("deadlines retry").stdout


def test_a_refusal_is_one_sentence_on_stderr_and_exits_with_1(banyan: Banyan) -> None:
    result = banyan("projections show nothing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip() == "projection_not_found: there is no projection 'nothing': list them first"


@pytest.mark.parametrize("scopes", [[], ["banyan/other"]])
def test_a_token_without_the_scope_learns_which_one_is_needed(banyan: Banyan, data: Path, scopes: list[str]) -> None:
    result = banyan("projections list", BANYAN_TOKEN=make_token("acme", data, scopes=scopes))
    assert (result.exit_code, ADMIN in result.stderr) == (1, True)


def test_a_stack_of_another_folder_refuses_a_token_that_is_made_here(
    banyan: Banyan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = banyan("projections list", BANYAN_TOKEN="")
    given = banyan("projections list", BANYAN_TOKEN=make_token("acme", scopes=[ADMIN]))
    reason = "it was made with the key of this folder, for the stack that runs from this folder"
    assert (made.exit_code, reason in made.stderr) == (1, True), made.stderr
    assert (given.exit_code, reason in given.stderr) == (1, False)


def test_the_api_that_does_not_answer_is_one_sentence_and_exits_with_2() -> None:
    result = Banyan(f"http://127.0.0.1:{free_port()}", "secret")("projections list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "make run" in result.stderr


@pytest.mark.parametrize(
    ("url", "token", "told"),
    [("https://api.example.com", "", "BANYAN_TOKEN"), ("http://api.example.com", "secret", "https")],
)
def test_no_token_is_made_for_or_sent_in_plain_text_to_another_machine(url: str, token: str, told: str) -> None:
    result = CliRunner().invoke(app, ["projections", "list"], env={"BANYAN_URL": url, "BANYAN_TOKEN": token})
    assert (result.exit_code, told in result.stderr) == (2, True)


@pytest.mark.parametrize("line", ["projections retry order", "projections pause order", "projections nothing", "none"])
def test_a_wrong_usage_exits_with_2(line: str) -> None:
    assert CliRunner().invoke(app, line.split()).exit_code == 2


def test_the_api_says_what_the_command_did(platform: InProcessPlatform, banyan: Banyan) -> None:
    assert banyan.json("projections pause order --reason maintenance") == body_of(
        platform.ask("/admin/projections/order")
    )


@pytest.mark.usefixtures("working")
def test_every_command_for_projections_on_the_operators_page_does_what_it_says(
    platform: InProcessPlatform, banyan: Banyan
) -> None:
    """In the order of the page; a rebuild that was switched to cannot be cancelled any more."""
    platform.react()
    platform.mended = True
    platform.app.log_checkpoints.put(Generation("old_list"), 0, platform.clock.now)
    lines = re.findall(r"^\./banyan ((?:projections|deadlines) [^#\n]+)", OPERATIONS.read_text(), re.M)
    ended = {}
    for line in lines:
        platform.clock.move(timedelta(minutes=5))
        result = banyan(*shlex.split(line))
        ended[line.strip()] = (result.exit_code, result.stderr.partition(":")[0])
    assert {line: end for line, end in ended.items() if end[0]} == {
        "projections cancel order": (1, "transition_rejected")
    }
    assert len(lines) > 12


@pytest.mark.parametrize(("url", "checked"), [("https://api.example.com", True), ("http://127.0.0.1:3000", False)])
def test_certificates_are_checked_wherever_there_are_any(
    monkeypatch: pytest.MonkeyPatch, url: str, checked: bool
) -> None:
    made: list[bool] = []

    class Recorded(httpx.Client):
        def __init__(self, **options: Any) -> None:
            made.append(options["verify"])
            super().__init__(**options, transport=httpx.MockTransport(lambda _: httpx.Response(200, json={})))

    monkeypatch.setattr(httpx, "Client", Recorded)
    Client(url, "token").get("projections")
    assert made == [checked]


def test_the_command_needs_nothing_on_the_import_path_of_its_caller() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    nowhere = environ | {"BANYAN_URL": "http://127.0.0.1:1", "BANYAN_TOKEN": "t"}
    done = subprocess.run(
        [ROOT / "banyan", "projections", "show", "order_list"], env=nowhere, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "http://127.0.0.1:1 does not answer: start it with `make run`, "
        "or give its address before the command: ./banyan --url https://… projections list\n"
    )


def test_a_name_between_colons_stays_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    say(Table("a column of some width", title="city:book:b-1"))
    assert "city:book:b-1" in capsys.readouterr().out
