"""One performance from the first order to the last check."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from banyan.text import counted
from orders.tools.demo.checks import Check, checks
from orders.tools.demo.ledger import Ledger
from orders.tools.demo.operator import Operator
from orders.tools.demo.options import Options
from orders.tools.demo.picture import drawn
from orders.tools.demo.plan import Script, standing
from orders.tools.demo.screen import Screen
from orders.tools.demo.stage import TENANT, Stage
from orders.tools.demo.story import Outcome, Story
from orders.tools.demo.traffic import Traffic
from orders.tools.legacy.filling import fill

SETTLE_SECONDS = 60.0
TICK = 0.2


def play(stage: Stage, options: Options, script: Script, screen: Screen) -> tuple[Ledger, Outcome]:
    """Fill the legacy store, let clients work, play the story, and wait until all of it has arrived.

    Raises
    ------
    StoryFailed, CliError, httpx.HTTPError
    """
    ledger = Ledger()
    _fill(stage, script, ledger, screen)
    traffic = Traffic(stage.url, stage.token, ledger, script.journeys, options.seconds)
    story = Story(stage, options, script, ledger, screen.diary, screen.backfilled)
    with traffic.running(), _counting(screen, ledger):
        outcome = story.play()
        traffic.hurry()
    _settle(stage)
    return ledger, outcome


def proven(stage: Stage, ledger: Ledger, outcome: Outcome) -> list[Check]:
    """Check everything, and compare everything once more."""
    found = list(checks(stage, ledger, outcome))
    report = Operator(stage).reconcile(full=True)
    faults = tuple(finding.where for section in report.sections for finding in section.findings)
    return [*found, Check("differences in the end", str(report.differences), faults)]


def picture(options: Options, screen: Screen, ledger: Ledger, ended: float) -> None:
    """Draw the timeline."""
    title = f"From {options.legacy.value} to the event store, on {options.engine.value}"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(drawn(title, screen.diary, ledger, ended), encoding="utf-8")


def _fill(stage: Stage, script: Script, ledger: Ledger, screen: Screen) -> None:
    task = screen.progress.add_task("rows in the legacy store", total=len(script.rows))
    fill(stage.program, TENANT, script.rows, lambda _: screen.progress.advance(task))
    screen.progress.remove_task(task)
    for row in script.rows:
        ledger.begin(row.order_id, standing(row))
    screen.diary.note("good", f"the legacy store holds {counted(len(script.rows), 'order')}")


def _settle(stage: Stage) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while stage.lag() and time.monotonic() < deadline:
        time.sleep(TICK)


@contextmanager
def _counting(screen: Screen, ledger: Ledger) -> Iterator[None]:
    done = threading.Event()

    def count() -> None:
        while not done.wait(TICK):
            screen.acknowledged(len(ledger.acknowledged))

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
