"""The console stays open during the demonstration, the drills and the import of a real retailer's file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, expect
from rich.console import Console as Terminal
from tests.console.conftest import CHANGED, on, opened
from tests.console.support.page import Console, Tab
from tests.console.support.screens import SCREENS
from tests.console.support.stack import Stack
from tests.orders.unit.importer.files import SAMPLE, real_file
from tests.support.clocks import lengthy, wait_until

from banyan_tools.cli.client import CONTENTS, SCOPE
from banyan_tools.local.engine import Engine
from banyan_tools.local.process import StackProcess
from banyan_tools.local.token import make_token
from banyan_tools.project import ROOT
from banyan_tools.runtime.backend import backend
from orders.tools.demo.options import Options
from orders.tools.demo.plan import script
from orders.tools.demo.play import play, proven
from orders.tools.demo.screen import Screen
from orders.tools.demo.stage import staged
from orders.tools.drill.cli import drill, planned
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.scene import Scene
from orders.tools.legacy.kinds import Kind

pytestmark = [pytest.mark.slow, pytest.mark.stack, pytest.mark.timeout(1800), lengthy]

BUSY_MS = 120_000.0
"""moto answers one request after the other, and the demonstration's clients wait there as well."""
EACH = [Engine.MOTO, pytest.param(Engine.DYNAMODB_LOCAL, marks=pytest.mark.dynamodb_local)]


@contextmanager
def looking(browser: Browser, url: str, data: Path) -> Iterator[Tab]:
    """A tab at the console of a stack whose data lie there, held to its manners in the end."""
    with opened(browser) as page:
        looking = Tab(page, url, lambda: make_token("acme", data, "kim", [SCOPE, CONTENTS]))
        looking.patience_ms = BUSY_MS
        yield looking
        looking.check()


@dataclass(frozen=True)
class Watched(Scene):
    """A drill's scene that knows which stack it started last."""

    started: list[StackProcess] = field(default_factory=list)

    def stack(self, *arguments: str, **variables: str) -> StackProcess:
        self.started.append(super().stack(*arguments, **variables))
        return self.started[-1]


@contextmanager
def working(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Work beside the block; what it raises is raised behind it."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield done
        done.result()


def visited(console: Tab, screens: Sequence[str] = SCREENS) -> None:
    """Go to every screen, of which none may say that something is wrong."""
    for screen in screens:
        console.open(screen)
        expect(console.main.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("engine", EACH)
def test_during_the_demonstration(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    options = Options(engine, Kind.DYNAMODB, SAMPLE, copies=3, samples=5, tampered=8, out=tmp_path / "demo.svg")
    plan, data = script(options), tmp_path / "stack"
    with staged(options, data) as stage:
        screen = Screen(Terminal(file=io.StringIO()), plan.commands)
        with looking(browser, stage.url, data) as console:
            with working(lambda: play(stage, options, plan, screen)) as played:
                while not played.done():
                    visited(console)
            visited(console)
            assert [check for check in proven(stage, *played.result()) if check.faults] == []


@pytest.mark.parametrize("engine", EACH)
def test_during_the_drills(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    proofs, looks = Proofs(), 0
    with backend(engine) as services:
        scene = Watched(services, tmp_path / "stack")
        with working(lambda: drill(scene, planned(SAMPLE, 6), proofs)) as drilled:
            while not drilled.done():
                looks += scene.started != [] and looked_at(browser, scene.started[-1])
    assert [proof for proof in proofs.found if not proof.holds] == []
    assert looks > 1


def looked_at(browser: Browser, stack: StackProcess) -> bool:
    """Look at every screen of a stack; false when it stopped meanwhile."""
    try:
        with looking(browser, stack.url, stack.data) as console:
            visited(console)
    except (Error, AssertionError):
        with suppress(AssertionError):
            wait_until(lambda: stack._process.poll() is not None, "the drill to stop the stack")
            return False
        raise
    return True


@pytest.mark.parametrize("own_stack", on("dynamodb-local", group=CHANGED), indirect=True)
def test_during_the_import_of_a_real_file(own_console: Console) -> None:
    with working(lambda: imported(own_console.stack, real_file())) as done:
        while not done.done():
            visited(own_console)
    visited(own_console)
    own_console.open("streams", entity="order")
    assert own_console.main.get_by_role("row").count() > 50


def imported(stack: Stack, file: Path) -> None:
    """Send every order of a file."""
    command = [sys.executable, "-m", "orders.tools.importer", str(file), "--url", stack.url, "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TOKEN": stack.token()}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
