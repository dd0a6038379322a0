"""Work that a schedule, a queue or another function asks for, as much of it as there is time for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from banyan.adapters.work_queue import read_work

if TYPE_CHECKING:
    from banyan.projections.rebuild.worker import RebuildWorker
    from banyan.reconciliation.reconciler import Reconciler, Remaining
    from banyan.reconciliation.report import Report


def reconcile(event: Mapping[str, Any], reconciler: Reconciler, remaining: Remaining) -> Report | None:
    """Run a reconciliation, or as much of it as there is time for.

    Parameters
    ----------
    event : Mapping[str, Any]
        ``full`` compares everything, ``repair`` puts it right as well, ``continue`` continues what was begun.
    remaining : Callable[[], float]
        Seconds that are left.

    Raises
    ------
    RunLost, StoreUnavailable
    """
    if event.get("continue"):
        return reconciler.go_on(remaining=remaining)
    return reconciler.run(full=bool(event.get("full")), repair=bool(event.get("repair")), remaining=remaining)


def work_off(event: Mapping[str, Any], worker: RebuildWorker, context: Any) -> None:
    """Continue the segments that a batch of messages names.

    Raises
    ------
    BatchFailed, StoreUnavailable
        The messages come back.
    """
    for message in event["Records"]:
        worker.work(read_work(message), time_left(context))


def time_left(context: Any) -> Remaining:
    """Seconds that an invocation may still run."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000
