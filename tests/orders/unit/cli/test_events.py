"""`banyan streams` and `banyan events` against the real API behind the local gateway."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

import httpx
import pytest
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.cli.conftest import Banyan
from tests.support.clocks import PATIENCE
from tests.support.engines import DynamoDBEngine, moto_tables

from banyan.entrypoints.http.identity import ADMIN
from banyan.reconciliation import look
from banyan.store import log
from banyan.streams import StreamId
from banyan_tools.cli import events
from banyan_tools.local.token import make_token
from banyan_tools.project import ROOT

O1 = StreamId("acme", "order", "o-1")


@pytest.fixture
def engine() -> Iterator[DynamoDBEngine]:
    with moto_tables() as engine:
        yield engine


@pytest.fixture
def platform(engine: DynamoDBEngine, monkeypatch: pytest.MonkeyPatch) -> InProcessPlatform:
    monkeypatch.setattr(look, "PAUSE_SECONDS", 0)
    platform = InProcessPlatform(engine)
    for order in ("o-1", "o-2", "p-3"):
        platform.order(order)
    platform.deliver()
    return platform


def test_streams_are_listed_page_by_page(banyan: Banyan) -> None:
    shown = banyan("streams list --limit 2").stdout
    assert [name in shown for name in ("acme:order:p-3", "acme:order:o-2", "acme:order:o-1")] == [True, True, False]
    cursor = re.findall(r"--cursor (\S+)", shown)[0]
    assert "acme:order:o-1" in banyan(f"streams list --limit 2 --cursor {cursor}").stdout
    named = banyan.json("streams list --tenant acme --entity order --prefix o-")["streams"]
    assert [each["stream"] for each in named] == ["acme:order:o-2", "acme:order:o-1"]
    refused = banyan("streams list --cursor nonsense")
    assert (refused.exit_code, "begin again without it" in refused.stderr) == (1, True)


def test_a_stream_is_verified_and_its_state_and_rows_are_shown(
    engine: DynamoDBEngine, platform: InProcessPlatform, banyan: Banyan
) -> None:
    sound = banyan("streams verify acme:order:o-1")
    assert (sound.exit_code, "undamaged up to version 1" in sound.stdout) == (0, True)
    assert '"orderId": "o-1"' in banyan("streams state acme:order:o-1 --at-version 1").stdout
    rows = banyan("streams rows acme:order:o-1")
    assert (rows.exit_code, "order_list" in rows.stdout) == (0, True)
    (commit,) = platform.app.store.commits(O1)
    engine.put(replace(commit, events=commit.events.replace("o-1", "o-x")))
    damaged = banyan("streams verify acme:order:o-1")
    assert (damaged.exit_code, "the digest does not match" in damaged.stdout) == (1, True)
    state = banyan("streams state acme:order:o-1")
    assert (state.exit_code, "digest" in state.stdout) == (1, True)


def test_the_newest_events_are_shown(banyan: Banyan) -> None:
    shown = banyan("events tail --limit 2").stdout
    assert [name in shown for name in ("acme:order:p-3", "acme:order:o-2", "acme:order:o-1")] == [True, True, False]
    assert banyan.json("events tail --type Nothing")["events"] == []


def test_events_are_listed_the_newest_first_page_by_page(banyan: Banyan) -> None:
    shown = banyan("events list --limit 2").stdout
    assert re.findall(r"acme:order:\S+", shown) == ["acme:order:p-3", "acme:order:o-2"]
    cursor = re.findall(r"--after (\S+)", shown)[0]
    older = banyan(f"events list --limit 2 --after {cursor}").stdout
    assert (re.findall(r"acme:order:\S+", older), "--after" in older) == (["acme:order:o-1"], False)
    assert banyan.json("events list --type Nothing")["events"] == []


def test_events_are_searched(banyan: Banyan) -> None:
    since = "--since 2020-01-01T00:00:00Z --until 2030-01-01T00:00:00Z"
    found = banyan(f"events search o-2 --type OrderCreated {since}").stdout
    assert (found.count("acme:order:o-2@1"), "1 event since" in found, "o-1" in found) == (1, True, False)
    lines = banyan(f"events search {since} --limit 2 --json").stdout.splitlines()
    assert [json.loads(line)["stream"] for line in lines] == ["acme:order:o-1", "acme:order:o-2"]
    assert "0 events since" in banyan("events search nowhere").stdout
    wrong = banyan("events search --since yesterday")
    assert (wrong.exit_code, "2010-12-01T08:26:00Z" in wrong.stderr) == (1, True)


def test_a_search_says_that_it_left_out_what_is_held_back(banyan: Banyan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_AHEAD", 2)
    found = banyan("events search --since 2020-01-01T00:00:00Z --until 2030-01-01T00:00:00Z")
    assert (found.stdout.count("OrderCreated"), "2 events since" in found.stdout) == (2, True)
    assert "Newer ones were left out" in found.stderr
    monkeypatch.undo()
    assert "left out" not in banyan("events search --since 2020-01-01T00:00:00Z --until 2030-01-01T00:00:00Z").stderr


def test_without_the_scope_for_contents_it_says_which_one_to_ask_for(banyan: Banyan, data: Path) -> None:
    token = make_token("acme", data, scopes=[ADMIN])
    assert "acme:order:o-1" in banyan("streams list", BANYAN_TOKEN=token).stdout
    for line in ("streams show acme:order:o-1", "events tail"):
        refused = banyan(line, BANYAN_TOKEN=token)
        assert (refused.exit_code, "lacks the scope 'banyan/events': ask for one" in refused.stderr) == (1, True)
        assert "banyan/admin" not in refused.stderr


@contextmanager
def as_from_a_terminal() -> Iterator[None]:
    """Let processes that are started meanwhile heed Ctrl-C, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def followed(url: str, data: Path) -> Iterator[subprocess.Popen[str]]:
    """The tail, followed by a process of its own, which ends with Ctrl-C and has printed no more than was read."""
    token = make_token("acme", data, scopes=[ADMIN, "banyan/events"])
    command = [sys.executable, "-m", "banyan_tools.cli", "--url", url, "events", "tail", "-f", "--interval", "0.5"]
    environment = {"BANYAN_TOKEN": token, "PYTHONPATH": f"{ROOT / 'layers' / 'banyan'}:{ROOT / 'tools'}"}
    with as_from_a_terminal():
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
    with process:
        try:
            yield process
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
            assert [pipe and pipe.read() for pipe in (process.stdout, process.stderr)] == ["", ""]
        finally:
            process.kill()


def named(stdout: IO[str] | None, number: int) -> list[str]:
    """The orders of the next lines."""
    assert stdout
    return [order for _ in range(number) for order in re.findall(r"acme:order:([\w-]+)@1 ", stdout.readline())]


def test_the_tail_is_followed_until_ctrl_c(platform: InProcessPlatform, data: Path) -> None:
    with platform.serving(data) as url, followed(url, data) as tail:
        assert named(tail.stdout, 3) == ["o-1", "o-2", "p-3"]
        for number in range(3):
            platform.order(f"later-{number}")
        assert named(tail.stdout, 3) == ["later-0", "later-1", "later-2"]


def test_a_tail_that_loses_the_stack_says_so_and_continues_where_it_was(
    platform: InProcessPlatform, data: Path
) -> None:
    with ExitStack() as stacks:
        before = stacks.enter_context(ExitStack())
        url = before.enter_context(platform.serving(data))
        with followed(url, data) as tail:
            assert named(tail.stdout, 3) == ["o-1", "o-2", "p-3"]
            before.close()
            assert tail.stderr
            assert tail.stderr.readline() == f"{events.LOST} Trying again until Ctrl-C.\n"
            platform.order("while-it-was-away")
            stacks.enter_context(platform.serving(data, port=httpx.URL(url).port or 0))
            assert named(tail.stdout, 1) == ["while-it-was-away"]
            assert tail.stderr.readline() == f"{events.FOUND}\n"
            platform.order("later")
            assert named(tail.stdout, 1) == ["later"]


def test_a_tail_that_never_reached_a_stack_ends(banyan: Banyan) -> None:
    unreached = banyan("--url http://127.0.0.1:1 events tail --follow")
    assert (unreached.exit_code, "does not answer: start it with" in unreached.stderr) == (2, True)
