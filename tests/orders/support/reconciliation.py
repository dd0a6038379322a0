"""A few projected orders of one tenant, tea in stock, and a reconciler that may be disturbed while it pauses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.support.clocks import ManualClock, no_sleep
from tests.support.engines import Engine
from tests.support.projections import CountingTelemetry

from banyan.commands.handler import CommandHandler
from banyan.documents import Documents
from banyan.projections.base import ViewProjection
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation, Views, row_name
from banyan.reconciliation.feeds import DirtySet
from banyan.reconciliation.plan import Plan, build_plan
from banyan.reconciliation.reconciler import Reconciler, Runs
from banyan.reconciliation.report import Finding, Report
from banyan.reconciliation.rows import Sources
from banyan.reconciliation.sides import Comparison
from banyan.reconciliation.streams import STREAMS
from banyan.store import EventStore
from banyan.streams import BEGINNING_OF_TIME, StreamId
from orders import DOMAIN
from orders.commands import CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item
from orders.inventory.commands import ReceiveStock
from orders.inventory.decider import INVENTORY

WINDOW = timedelta(seconds=5)
TEA = StreamId("acme", "inventory", "sku.tea")
ORDERS = [StreamId("acme", "order", f"o-{n}") for n in range(5)]

Found = set[tuple[str, str, str]]


class Reported:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, kind: str, detail: Any) -> None:
        self.sent.append((kind, detail))


class RowFeed:
    """Marks rows that changed since it looked last, whoever changed them: what the stream of the views table tells."""

    def __init__(self, views: Views, documents: Documents, clock: ManualClock) -> None:
        self._views = views
        self._documents = documents
        self._clock = clock
        self._seen: dict[str, dict[str, Any]] = {}

    def deliver(self) -> None:
        for projection in DOMAIN.projections:
            generation = Generation(projection.name)
            rows: dict[str, Any] = (
                {row_name(key): row for key, row in self._views.all_rows(generation).items()}
                if isinstance(projection, ViewProjection)
                else {str(row.stream): row for row in self._views.all_states(generation)}
            )
            seen = self._seen.get(projection.name, {})
            changed = [name for name in rows.keys() | seen.keys() if rows.get(name) != seen.get(name)]
            DirtySet(self._documents, str(generation)).add(changed, self._clock())
            self._seen[projection.name] = rows


class Between:
    """Something whose every use is preceded by something else."""

    def __init__(self, target: Any, step: Callable[[], object]) -> None:
        self._target = target
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._stepping(found) if callable(found) else found

    def _stepping(self, use: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*args: Any, **kwargs: Any) -> Any:
            self._step()
            return use(*args, **kwargs)

        return stepping


class ReconciliationFixture:
    """Orders, read models, and what reconciles them.

    Parameters
    ----------
    others : Sequence[Comparison]
        Comparisons besides those of the domain.
    """

    def __init__(self, engine: Engine, others: Sequence[Comparison] = (), orders: int = len(ORDERS)) -> None:
        self.engine = engine
        self.clock = ManualClock()
        self.store = engine.store(DOMAIN.registry, self.clock)
        self.views = engine.views()
        self.documents = engine.documents()
        self.telemetry = CountingTelemetry()
        self.notes = Reported()
        self.feed = RowFeed(self.views, self.documents, self.clock)
        self.runner = ProjectionProcessor(
            self.store,
            self.views,
            DOMAIN.projections,
            DOMAIN.deciders,
            retry_policy=RetryPolicy(clock=self.clock, sleep=no_sleep),
        )
        self.pauses: Iterator[Callable[[], object]] = iter(())
        self.between: Callable[[], object] = lambda: None
        self.others = others
        CommandHandler(self.store, INVENTORY).handle(TEA, ReceiveStock(sku="tea", quantity=10, at=BEGINNING_OF_TIME))
        self.project(TEA)
        for stream in [StreamId("acme", "order", f"o-{n}") for n in range(orders)]:
            self.sell(stream)
            self.project(stream)
        self.age()

    def sell(self, stream: StreamId, price: str = "4.50") -> None:
        """Create and pay an order of two items."""
        handler = CommandHandler(self.store, ORDER)
        items = (Item(sku="tea", quantity=2, price=Decimal(price)),)
        handler.handle(stream, CreateOrder(order_id=stream.id, customer_id="c-1", items=items))
        handler.handle(stream, PayOrder(amount=2 * Decimal(price)))

    def project(self, stream: StreamId) -> None:
        """Deliver all commits of an order."""
        self.runner.project(self.store.commits(stream))

    def touched(self, stream: StreamId) -> None:
        """What the stream of the event table tells of items that were written over or removed."""
        DirtySet(self.documents, STREAMS).add([str(stream)], self.clock())

    def age(self) -> None:
        """Let more time pass than anything may be on its way."""
        self.clock.move(3 * WINDOW)

    def sleep(self, seconds: float) -> None:
        """Pass the time of a pause, and do what is to be done in it."""
        self.clock.move(timedelta(seconds=seconds))
        next(self.pauses, lambda: None)()

    def plan(self) -> Plan:
        """The plan of another process; ``between`` happens before each of its requests."""
        table, views, row_repair, documents = (
            Between(target, lambda: self.between())
            for target in (self.engine.table(), self.views, self.engine.row_repair(), self.documents)
        )
        store = EventStore(table, DOMAIN.registry, self.clock, no_sleep)
        sources = Sources(store, views, row_repair, documents, self.runner.retry, self.clock)
        return build_plan(sources, DOMAIN, self.engine.projection_states(), WINDOW, self.sleep, self.others)

    def reconciler(self) -> Reconciler:
        """A reconciler of another process, as ``plan``."""
        return Reconciler(
            self.plan(),
            self.engine.reports(),
            Runs(Between(self.documents, lambda: self.between())),
            self.clock,
            WINDOW,
            telemetry=self.telemetry,
            notices=self.notes,
        )

    def reconcile(
        self, meanwhile: Iterable[Callable[[], object]] = (), *, full: bool = False, repair: bool = False
    ) -> Report:
        """One run; each pause of it does the next thing."""
        self.feed.deliver()
        self.pauses = iter(meanwhile)
        report = self.reconciler().run(full=full, repair=repair)
        assert report is not None
        return report


def found(report: Report) -> Found:
    """Section, kind and place of every finding."""
    return {(section.name, finding.kind, finding.where) for section in report.sections for finding in section.findings}


def finding(report: Report, section: str) -> Finding:
    """The only finding of a section."""
    (found,) = (each for s in report.sections if s.name == section for each in s.findings)
    return found
