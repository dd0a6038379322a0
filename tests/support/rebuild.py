"""A rebuild over the accounts: its worker, its queue, and a clock that passes while it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from tests.support.clocks import no_sleep
from tests.support.interruptions import Killed
from tests.support.ledger import ACCOUNTS, REGISTRY
from tests.support.projections import Ledger, same, timeless

from banyan.documents import MemoryDocuments
from banyan.projections.base import Entities
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.rebuild.builds import Builds, GenerationRows, MemoryGenerationRows, Work, WorkQueue
from banyan.projections.rebuild.rebuild import Rebuild
from banyan.projections.rebuild.worker import Pace, RebuildSteps, RebuildWorker
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.state import ProjectionStates, Stage
from banyan.projections.views import Generation, StateRow, ViewKey, ViewRow, Views
from banyan.spread import Spread, in_turn
from banyan.store import EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId

BUCKETS = 3
FOREVER = 1e9
RATE = 1000
WORKERS = 2
SETTLE_SECONDS = 5.0


class Messages:
    """A queue that forgets a message only when it was worked off, as SQS does."""

    def __init__(self, ledger: Ledger) -> None:
        self.waiting: deque[tuple[Work, int]] = deque()
        self.handed_out = 0
        self._ledger = ledger

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        assert 0 <= delay_seconds <= 900, "SQS delays a message for a quarter of an hour at most"
        self.waiting.extend((work, delay_seconds) for work in works)

    def work_off(self, worker: RebuildWorker, remaining: float = FOREVER) -> None:
        """Work every message off, in turn."""
        while self.waiting:
            self.hand_out(worker, remaining)

    def hand_out(self, worker: RebuildWorker, remaining: float = FOREVER) -> None:
        """Work the next message off; its delay passes at once."""
        self.handed_out += 1
        work, delay = self.waiting[0]
        self._ledger.clock.move(timedelta(seconds=delay))
        worker.work(work, lambda: remaining)
        self.waiting.popleft()


class Spent:
    """Capacity consumed, as a test says."""

    def __init__(self) -> None:
        self.read_units = 0.0
        self.write_units = 0.0


class Fuse:
    """Kills the process at one of its requests, right before or right behind it.

    Parameters
    ----------
    at : int
        Which request, from 1; 0 for none.
    answered : bool
        Whether the request is carried out before the process dies.
    """

    def __init__(self, at: int = 0, answered: bool = False) -> None:
        self.requests = 0
        self._at = at
        self._answered = answered

    def wire(self, port: Any) -> Any:
        """The same port, behind the fuse."""
        return _Wired(port, self)

    def pass_on(self, request: Callable[[], Any]) -> Any:
        """Carry a request out, or not."""
        self.requests += 1
        if self.requests != self._at:
            return request()
        if self._answered:
            request()
        raise Killed


class _Wired:
    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *given, **named: self._fuse.pass_on(lambda: found(*given, **named))


class Rebuilding:
    """A ledger whose projections are rebuilt, in memory.

    Parameters
    ----------
    fuse : Fuse, optional
        Every request of the rebuild goes through it.
    """

    def __init__(self, fuse: Fuse | None = None, buckets: int = BUCKETS, entity: Entities = "account") -> None:
        fuse = fuse or Fuse()
        views = MemoryViews()
        self.ledger = Ledger(views, MemoryTable(buckets), projection_states=ProjectionStates(), entity=entity)
        self.messages = Messages(self.ledger)
        self.spent = Spent()
        self.walked = True
        self.spread: Spread = in_turn
        self.pace = Pace(workers=WORKERS)
        self.projection_states: ProjectionStates = fuse.wire(self.ledger.projection_states)
        self.builds: Builds = Builds(fuse.wire(MemoryDocuments()))
        self._views: Views = fuse.wire(views)
        self._rows: GenerationRows = fuse.wire(MemoryGenerationRows(views))
        self._queue: WorkQueue = fuse.wire(self.messages)
        self._store = EventStore(fuse.wire(self.ledger.store.table), REGISTRY, self.ledger.clock, no_sleep)

    @property
    def rebuild(self) -> Rebuild:
        """What an operator has in hand."""
        return Rebuild(
            self.ledger.projections,
            self.projection_states,
            self.builds,
            self._queue,
            self.ledger.store.log_buckets,
            write_rate=RATE,
            walked=lambda _: self.walked,
            clock=self.ledger.clock,
        )

    def worker(
        self, monotonic: Callable[[], float] | None = None, sleep: Callable[[float], None] | None = None
    ) -> RebuildWorker:
        """A worker in a process of its own; its time is the ledger's unless another is given."""
        ledger = self.ledger
        snapshots = Snapshotter(self._store, [ACCOUNTS], ledger.snapshot_interval, ledger.telemetry)
        pause = partial(ledger.sleep, SETTLE_SECONDS)
        parts = (ledger.projections, self._store, self._views, self._rows, snapshots)
        steps = RebuildSteps(*parts, self.spent, self.pace, pause, ledger.clock, self.spread)
        return RebuildWorker(
            steps.of,
            self.projection_states,
            self.builds,
            self._queue,
            self.spent,
            self.pace,
            clock=ledger.clock,
            monotonic=monotonic or (lambda: ledger.clock.now.timestamp()),
            sleep=sleep or ledger.sleep,
        )

    def stale_runner(self) -> ProjectionProcessor:
        """A projector that has not heard of any new generation yet."""
        ledger = self.ledger
        return ProjectionProcessor(ledger.store, ledger.views, ledger.projections, retry_policy=ledger.retry_policy)

    def run(self, remaining: float = FOREVER) -> None:
        """Work off all there is to do."""
        self.messages.work_off(self.worker(), remaining)

    def step(self) -> None:
        """Work one message off, for no longer than one step."""
        self.messages.hand_out(self.worker(), remaining=0.0)

    def live(self, projection: str) -> int:
        """Number of the generation that queries read."""
        return self.projection_states.get([projection])[projection].live

    def stage(self, projection: str, number: int) -> Stage:
        """Where a generation stands."""
        return self.projection_states.get([projection])[projection].info(number).stage

    def balances(self, number: int) -> Mapping[StreamId, StateRow]:
        """Rows of a generation of ``balances``."""
        return {row.stream: row for row in self.ledger.views.all_states(Generation("balances", number))}

    def turnover(self, number: int) -> Mapping[ViewKey, ViewRow]:
        """Rows of a generation of ``turnover``."""
        return timeless(dict(self.ledger.views.all_rows(Generation("turnover", number))))

    def complete(self, number: int) -> bool:
        """Whether a generation of both projections is a fold over all events."""
        return self.complete_state(number) and self.turnover(number) == self.ledger.expected_turnover()

    def complete_state(self, number: int) -> bool:
        """Whether a generation of ``balances`` is a fold over all events."""
        rows, streams = self.balances(number), list(self.ledger.store.streams())
        return rows.keys() == set(streams) and all(
            same(rows[stream], self.ledger.expected_balance(stream)) for stream in streams
        )
