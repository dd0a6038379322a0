"""The event store in memory: one line, and the same promises."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.ledger import REGISTRY, Deposited, Withdrawn, account

from banyan import memory_store
from banyan.errors import ConcurrencyError, UnknownEventType
from banyan.events import DomainEvent, EventRegistry
from banyan.store import Expected

A = account("a")
LAYERS = Path(__file__).parents[2] / "layers"
AWS = ("boto3", "botocore", "aws_lambda_powertools", "psycopg")


@pytest.mark.parametrize("events", [REGISTRY, [Deposited, Withdrawn]], ids=["registry", "classes"])
def test_it_is_an_event_store_in_one_line(events: EventRegistry | Sequence[type[DomainEvent]]) -> None:
    store = memory_store(events)

    first = store.append(A, Expected.NO_STREAM, [Deposited(amount=5)], commit_id="x")
    assert store.append(A, Expected.NO_STREAM, [Deposited(amount=5)], commit_id="x").repeated
    store.append(A, first.head, [Withdrawn(amount=2)])

    assert [event.payload for event in store.read(A, after=1)] == [Withdrawn(amount=2)]
    with pytest.raises(ConcurrencyError) as conflict:
        store.append(A, 1, [Deposited(amount=1)])
    assert (conflict.value.expected, conflict.value.actual) == (1, 2)


def test_it_refuses_what_it_could_not_read_again() -> None:
    with pytest.raises(UnknownEventType):
        memory_store([Deposited]).append(A, 0, [Withdrawn(amount=1)])


def test_stores_share_nothing() -> None:
    memory_store(REGISTRY).append(A, 0, [Deposited(amount=5)])

    assert memory_store(REGISTRY).get_stream_version(A) == 0


def test_importing_the_engine_loads_nothing_of_aws() -> None:
    script = f"import sys, banyan; print([name for name in {AWS} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(LAYERS / "banyan")}

    loaded = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
