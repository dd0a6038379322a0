"""A whole application under a mix of commands, small, with all that follows from each, and its units counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from tests.support.clocks import ManualClock
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.http import CONTEXT, Answer, event
from tests.support.units import ConsumedUnits

from banyan.bootstrap import bootstrap
from banyan.entrypoints.changes import mark_rows
from banyan.entrypoints.http.api import command_api
from banyan.entrypoints.ingest import RecordIngestion, build_ingestion
from banyan.entrypoints.work import reconcile
from banyan.store import Commit
from banyan.store.items import Item, read_commit
from banyan_tools.cost.profile import Profile
from banyan_tools.cost.stack import DeployedStack
from banyan_tools.cost.units import units
from banyan_tools.samples.kinesis_records import kinesis_batch

FOREVER_MS: Final = 1e9
TOLERATED: Final = 0.10

WRITTEN: Final = {
    "append": ("events", "events.checks"),
    "log index": ("events.index",),
    "snapshots": ("snapshots",),
    "rows": ("views",),
    "lookups": ("views.index",),
    "cursors": ("cursors",),
    "traces": ("traces",),
    "idempotency": ("idempotency",),
    "deadlines": ("deadlines",),
}
"""By component of the model: what is counted for it. The reconciliation is no part of a mix."""
READ: Final = {"append": "events", "rows": "views", "cursors": "cursors"}


@dataclass(frozen=True)
class CountedRun:
    """A reconciliation: rows that were marked before it, and the units that it consumed itself."""

    rows: int
    written: float
    read: float


class CountedPlatform:
    """The functions of an application over one engine: commands, projector, reactor, deadlines.

    Parameters
    ----------
    claims : Mapping[str, str]
        Of the caller.
    """

    def __init__(self, engine: DynamoDBEngine, profile: Profile, claims: Mapping[str, str]) -> None:
        tables = engine.tables
        names = {f"{name.upper()}_TABLE": getattr(tables, name) for name in type(tables).model_fields}
        given = {f"BANYAN_{_snake(name)}": str(value) for name, value in profile.parameters.items()}
        environ = {
            "BANYAN_DOMAIN": profile.domain,
            "BANYAN_LOG_BUCKETS": str(BUCKETS),
            "BANYAN_INGEST_TENANT": claims["tenant"],
            "BANYAN_CONTROL_CACHE_MS": "1000000000",
        }
        self.clock = ManualClock()
        self.app = bootstrap(names | given | environ, client=lambda: engine.client, clock=self.clock)
        self.commits = self._ingested = 0
        self._api = command_api(self.app)
        self._claims = dict(claims)
        self._written: list[Item] = []
        self._client, self._views = engine.client, tables.views
        self._reconciled: dict[tuple[str, str], Item] = {}
        for operation in ("PutItem", "TransactWriteItems"):
            engine.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._note)
        self.units = ConsumedUnits(engine.client, tables)

    def send(self, path: str, body: Mapping[str, Any], status: int = 200, key: str = "") -> Answer:
        """Handle one command, and let everything follow from it."""
        headers: Any = {"idempotency_key": key} if key else {}
        answer = self._api(event("POST", path, dict(body), claims=self._claims, **headers), CONTEXT)
        assert answer["statusCode"] == status, answer
        self.settle()
        return answer

    def ingest(self, *records: bytes) -> None:
        """Ingest a batch of records, and let everything follow from it."""
        batch = kinesis_batch(*records, start=self._ingested)
        self._ingested += len(records)
        answer = self._ingestion.ingest(batch["Records"], lambda: FOREVER_MS)
        assert not answer["batchItemFailures"], answer
        self.settle()

    @cached_property
    def _ingestion(self) -> RecordIngestion:
        return build_ingestion(self.app)

    def settle(self) -> None:
        """Deliver what is new, commit by commit, until nothing is."""
        while new := self._new():
            self.commits += len(new)
            for commit in new:
                self.app.processor.project([commit])
                self.app.reactor.project([commit])

    def fire(self) -> None:
        """Work off the deadlines that are due, and let everything follow."""
        self.app.deadline_runner.run(lambda: FOREVER_MS)
        self.settle()

    def reconcile(self) -> CountedRun:
        """Mark the rows that changed since the last run, uncounted, and run a reconciliation once they are settled."""
        with self.units.paused():
            changed = self._changed_rows()
            mark_rows(
                [{"dynamodb": {"Keys": keys}} for keys in changed], self.app.digests, self.clock(), self.app.telemetry
            )
        self.clock.move(timedelta(hours=1))
        written, read = sum(self.units.written.values()), sum(self.units.read.values())
        report = reconcile({}, self.app.reconciler, lambda: FOREVER_MS)
        assert report
        assert report.drift_percent == 0
        return CountedRun(
            len(changed), sum(self.units.written.values()) - written, sum(self.units.read.values()) - read
        )

    def _changed_rows(self) -> list[Item]:
        """Keys of rows that are not as they were at the last run."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._views)
        now = {(item["row"]["S"], item["sort"]["S"]): dict(item) for page in pages for item in page["Items"]}
        changed = [
            {"row": {"S": row}, "sort": {"S": sort}}
            for row, sort in now
            if now[row, sort] != self._reconciled.get((row, sort))
        ]
        self._reconciled = now
        return changed

    def begin(self) -> None:
        """Count from here: what was needed once is behind."""
        self.settle()
        self.commits = 0
        self.units.written.clear()
        self.units.read.clear()

    def _new(self) -> list[Commit]:
        new, self._written = self._written, []
        return [read_commit(item) for item in new]

    def _note(self, params: Mapping[str, Any], **_: Any) -> None:
        puts = [write.get("Put", {}) for write in params.get("TransactItems", [{"Put": params}])]
        self._written += [put["Item"] for put in puts if "commit_id" in put.get("Item", {}) and "events" in put["Item"]]


def _snake(parameter: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).upper()


def check_units(profile: Profile, shop: CountedPlatform, commands: int) -> None:
    """Hold what a profile says of its commands against what the same mix of them consumed.

    Raises
    ------
    AssertionError
        Naming each component that differs by more than a tenth.
    """
    model = units(profile, DeployedStack(profile.parameters))
    counted = {name: sum(shop.units.written[each] for each in parts) for name, parts in WRITTEN.items()}
    found = {f"{name}, written": (model[name].write, counted[name] / commands) for name in WRITTEN}
    found["commits"] = (profile.commits_per_command, shop.commits / commands)
    found |= {f"{name}, read": (model[name].read, shop.units.read[part] / commands) for name, part in READ.items()}
    wrong = {name: pair for name, pair in found.items() if abs(pair[0] - pair[1]) > TOLERATED * pair[1]}
    assert not wrong, f"units of a command, by the profile and counted: {wrong}"
