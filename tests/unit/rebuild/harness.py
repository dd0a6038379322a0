"""A rebuild over the accounts: its worker, its queue, and a clock that passes while it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta

from tests.ledger import ACCOUNTS
from tests.unit.projections.harness import Ledger, timeless

from banyan.projections.control import Controls
from banyan.projections.controls import MemoryControls
from banyan.projections.memory import MemoryViews
from banyan.projections.rebuild.base import Checkpoints, GenerationRows, Work
from banyan.projections.rebuild.memory import MemoryCheckpoints, MemoryGenerationRows
from banyan.projections.rebuild.rebuild import Rebuild
from banyan.projections.rebuild.shadow import Judge
from banyan.projections.rebuild.steps import RebuildSteps
from banyan.projections.rebuild.worker import Pace, RebuildWorker
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Generation, RowKey, StateRow, ViewRow, Views
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId

BUCKETS = 3
FOREVER = 1e9


class Messages:
    """A queue that forgets a message only when it was worked off, as SQS does."""

    def __init__(self, ledger: Ledger) -> None:
        self.waiting: deque[tuple[Work, int]] = deque()
        self._ledger = ledger

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        self.waiting.extend((work, delay_seconds) for work in works)

    def work_off(self, worker: RebuildWorker, remaining: float = FOREVER) -> None:
        """Work every message off, in turn; a delay passes at once."""
        while self.waiting:
            work, delay = self.waiting[0]
            self._ledger.clock.move(timedelta(seconds=delay))
            worker.work(work, lambda: remaining)
            self.waiting.popleft()


class Spent:
    """Capacity consumed, as a test says."""

    def __init__(self) -> None:
        self.read_units = 0.0
        self.write_units = 0.0


class Rebuilding:
    """A ledger whose projections are rebuilt.

    Parameters
    ----------
    ledger : Ledger, optional
    controls, checkpoints, rows
        In memory unless given.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        controls: Controls | None = None,
        checkpoints: Checkpoints | None = None,
        rows: GenerationRows | None = None,
    ) -> None:
        self.ledger = ledger or Ledger(table=MemoryTable(BUCKETS))
        self.controls = controls or MemoryControls()
        self.checkpoints = checkpoints or MemoryCheckpoints()
        self.rows = rows or MemoryGenerationRows(memory_views(self.ledger.views))
        self.queue = Messages(self.ledger)
        self.spent = Spent()
        self.rebuild = Rebuild(
            self.ledger.projections,
            self.controls,
            self.checkpoints,
            self.queue,
            segments=self.ledger.store.table.buckets,
            write_rate=1000,
            clock=self.ledger.clock,
        )

    def worker(self, interval: int = 1000) -> RebuildWorker:
        """A worker in a process of its own."""
        ledger = self.ledger
        snapshots = Snapshotter(ledger.store, [ACCOUNTS], interval, ledger.telemetry)
        judge = Judge(5.0, ledger.sleep)
        steps = RebuildSteps(ledger.projections, ledger.store, ledger.views, self.rows, snapshots, judge, ledger.clock)
        return RebuildWorker(
            steps.of,
            self.controls,
            self.checkpoints,
            self.queue,
            self.spent,
            Pace(workers=2),
            clock=ledger.clock,
            monotonic=lambda: ledger.clock.now.timestamp(),
            sleep=ledger.sleep,
        )

    def run(self) -> None:
        """Work off all there is to do."""
        self.queue.work_off(self.worker())

    def live(self, projection: str) -> Generation:
        """What queries read."""
        return self.controls.get([projection])[projection].generation()

    def balances(self, generation: Generation) -> Mapping[StreamId, StateRow]:
        """Rows of ``balances``."""
        return {row.stream: row for row in self.ledger.views.all_states(generation)}

    def turnover(self, generation: Generation) -> Mapping[RowKey, ViewRow]:
        """Rows of ``turnover``."""
        return timeless(dict(self.ledger.views.all_rows(generation)))


def memory_views(views: Views) -> MemoryViews:
    """Views that are kept in memory."""
    assert isinstance(views, MemoryViews)
    return views
