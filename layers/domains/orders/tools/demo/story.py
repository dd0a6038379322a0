"""The story: from a legacy system in use to an event store alone, with faults on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Final

from banyan.reconciliation.report import Report
from banyan.text import counted
from orders.tools.demo.diary import Diary
from orders.tools.demo.faults import tampered, written_directly
from orders.tools.demo.ledger import Ledger
from orders.tools.demo.operator import Operator
from orders.tools.demo.options import Options
from orders.tools.demo.plan import Script
from orders.tools.demo.stage import Stage

PATIENCE: Final = 300.0
LOOK: Final = 0.5
"""Seconds between two runs of the controller; in earnest it is a minute."""
DIRECT: Final = 3
DUAL_WRITE: Final = "dual_write"
FAULT_AT: Final = ("canary 25 %", "canary 50 %")
TURNED: Final = "canary 100 %"
EVENT_STORE: Final = "event_store"
STANDSTILL: Final = 10.0
"""Seconds after which the controller is called, when a backfill did not come further: in earnest it comes by itself."""
BREATH: Final = 2.0
"""Seconds that the operator lets clients work between two steps by hand."""


class StoryFailed(Exception):
    """Something did not come about in time."""


@dataclass(slots=True)
class Outcome:
    """What the story came to.

    Parameters
    ----------
    planted, found, repaired : int
        Differences made on purpose, those of them that were named, and those that were put right.
    false_alarms : list[str]
        Findings that were not planted.
    imported : int
        Rows that the backfill imported.
    rolled_back_after : float
        Seconds from the fault to the rollback.
    legacy_off_at : float
        When the last step without a way back was asked for.
    dual_at : float
        From when on every command must be in the event store at its version.
    """

    planted: int = 0
    found: int = 0
    repaired: int = 0
    false_alarms: list[str] = field(default_factory=list)
    imported: int = 0
    rolled_back_after: float = 0.0
    legacy_off_at: float = 0.0
    dual_at: float = 0.0


class Story:
    """Plays step after step; clients work meanwhile, and are not informed.

    Parameters
    ----------
    progress : Callable[[int, int], None]
        Hears how far the backfill has come.
    """

    def __init__(
        self,
        stage: Stage,
        options: Options,
        script: Script,
        ledger: Ledger,
        diary: Diary,
        progress: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    ) -> None:
        self._stage = stage
        self._options = options
        self._script = script
        self._ledger = ledger
        self._diary = diary
        self._progress = progress
        self._operator = Operator(stage)
        self._outcome = Outcome()
        self._stood = ""
        self._seen = (0, 0.0)

    def play(self) -> Outcome:
        """Play to the end.

        Raises
        ------
        StoryFailed, CliError, httpx.HTTPError
        """
        self._noted(self._operator.run_maintenance())
        time.sleep(BREATH)
        self._dual_write()
        self._backfill()
        self._direct_writes()
        self._until(*FAULT_AT)
        self._fault_and_rollback()
        self._until(TURNED)
        time.sleep(BREATH)
        self._event_store()
        self._complete()
        return self._outcome

    def _dual_write(self) -> None:
        self._operator.start()
        self._outcome.dual_at = self._noted(self._operator.run_maintenance())
        time.sleep(BREATH)

    def _backfill(self) -> None:
        self._operator.begin_backfill()
        self._seen = (0, time.monotonic())
        self._wait(self._backfilled, "the backfill")
        done = self._operator.backfill()["progress"]
        if done["failures"]:
            raise StoryFailed(f"rows cannot become events: {', '.join(done['failed'])}")
        self._outcome.imported = done["imported"]
        self._diary.note("good", f"backfill: {done['imported']} of {done['seen']} rows became events")

    def _backfilled(self) -> bool:
        done = self._operator.backfill()["progress"]
        self._progress(done["seen"], done["rows"])
        self._call_controller_behind(done["seen"])
        return bool(done["finished"])

    def _call_controller_behind(self, seen: int) -> None:
        rows, since = self._seen
        if seen != rows:
            self._seen = (seen, time.monotonic())
        elif time.monotonic() - since > STANDSTILL:
            self._operator.run_maintenance()
            self._seen = (seen, time.monotonic())

    def _direct_writes(self) -> None:
        orders = [row.order_id for row in self._script.rows if row.status != "open"][:DIRECT]
        planted = written_directly(self._stage, self._ledger, orders)
        self._diary.note("fault", f"an old program writes {counted(len(planted), 'row')} directly")
        self._expect_all(self._operator.reconcile(repair=True), planted)

    def _fault_and_rollback(self) -> None:
        planted = tampered(self._stage, self._ledger.orders(), self._options.tampered)
        fault = self._diary.note("fault", f"{len(planted)} rows of the read model are falsified")
        self._until(DUAL_WRITE)
        self._outcome.rolled_back_after = time.monotonic() - fault
        self._expect_all(self._operator.reconcile(repair=True), planted)

    def _event_store(self) -> None:
        self._wait(self._switched_off, "the rows to be compared")
        self._until(EVENT_STORE)
        time.sleep(BREATH)

    def _switched_off(self) -> bool:
        self._outcome.legacy_off_at = time.monotonic()
        return self._operator.switch_off()

    def _complete(self) -> None:
        self._operator.begin_archive()
        self._wait(self._archived, "the archive")
        self._diary.note("good", "the legacy system is archived, and the archive read back")
        self._wait(self._completed, "the last step")

    def _archived(self) -> bool:
        self._operator.run_maintenance()
        return self._operator.archived()

    def _completed(self) -> bool:
        completed = self._operator.complete()
        self._noted(self._operator.run_maintenance())
        return completed

    def _expect_all(self, report: Report, planted: Set[str]) -> None:
        named = {finding.where for section in report.sections for finding in section.findings}
        self._outcome.planted += len(planted)
        self._outcome.found += len(planted & named)
        self._outcome.repaired += min(report.repaired, len(planted))
        self._alarms(report, planted)
        self._diary.note(
            "good", f"reconciled: {len(planted & named)} of {len(planted)} found, {report.repaired} repaired"
        )

    def _alarms(self, report: Report, planted: Set[str]) -> None:
        for section in report.sections:
            alarms = [finding for finding in section.findings if finding.where not in planted]
            self._outcome.false_alarms += [f"{section.name}: {each.kind} {each.where} {each.detail}" for each in alarms]

    def _until(self, *steps: str) -> None:
        """Let the controller decide, until it has decided on one of these steps."""
        self._wait(lambda: self._looked() in steps, " or ".join(steps))

    def _looked(self) -> str:
        step = self._operator.run_maintenance()
        self._noted(step)
        return step

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise StoryFailed(f"waited {PATIENCE:.0f} s for {what}; {self._operator.held}")
            time.sleep(LOOK)

    def _noted(self, step: str) -> float:
        if step == self._stood:
            return time.monotonic()
        self._stood = step
        return self._diary.note("step", step)
