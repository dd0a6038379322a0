"""Dollars of a month, by component."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from banyan_tools.cost.profile import Profile
from banyan_tools.cost.stack import DeployedStack
from banyan_tools.cost.units import marks, units

MONTH: Final = 365.25 / 12 * 86_400
"""Seconds."""
MILLION: Final = 1e6
GB: Final = 1e9
ITEM: Final = 100
"""Bytes that DynamoDB adds to each item and each entry of an index."""
LOG_ENTRY: Final = 150 + ITEM
TRACE: Final = 140 + ITEM
ACCESS_LOG: Final = 350
PAYLOAD: Final = 25_000
ENTRY: Final = 65_536
METRICS: Final = 20
"""Custom metrics that a stack reports when nothing is wrong, one for each of its dimensions."""
MARKER_WINDOW: Final = 10
"""Seconds that the marker gathers changed rows for; it is invoked no oftener."""
DEADLINES_EVERY: Final = 60
"""Seconds between two runs of the deadlines."""


@dataclass(frozen=True)
class BillLine:
    """A line of the bill.

    Parameters
    ----------
    quantity : float
        In the unit that its price is for.
    """

    component: str
    what: str
    quantity: float
    dollars: float


def bill(profile: Profile, stack: DeployedStack) -> Sequence[BillLine]:
    """Every line that is not zero. What runs by a schedule while nothing happens is left out: cents."""
    found = [
        *_tables(profile, stack),
        *_functions(profile, stack),
        *_messages(profile, stack),
        *_watching(profile, stack),
    ]
    return [item for item in found if item.dollars]


def _tables(profile: Profile, stack: DeployedStack) -> Iterator[BillLine]:
    prices, commands = profile.prices, profile.commands.per_second * MONTH
    for component, each in units(profile, stack).items():
        writes, reads = each.write * commands, each.read * commands
        yield BillLine("DynamoDB writes", component, writes, writes / MILLION * prices.write_units)
        yield BillLine("DynamoDB reads", component, reads, reads / MILLION * prices.read_units)
    queried = profile.queries.per_second * MONTH * profile.queries.read_units
    yield BillLine("DynamoDB reads", "queries", queried, queried / MILLION * prices.read_units)
    stored = commands * _bytes(profile, stack) / GB
    yield BillLine("DynamoDB storage", f"GB after {profile.storage.months:g} months", stored, stored * prices.storage)
    yield BillLine("DynamoDB storage", "point-in-time recovery", stored, stored * prices.recovery)


def _bytes(profile: Profile, stack: DeployedStack) -> float:
    """Stored for each command of a month, when all of it has been kept as long as it is."""
    months = profile.storage.months
    commits = sum(each.per_command * (each.bytes + ITEM + LOG_ENTRY) for each in profile.commits) * months
    kept = profile.storage.expiring_rows_months or months
    rows = sum(each.kept * (1 + each.entries) * (each.bytes + ITEM) for each in profile.rows) * min(kept, months)
    traced = stack.is_on("Traces") and stack.is_on("Reactions")
    traces = profile.commits_per_command * TRACE * min(months, stack.number("TraceDays") / 30) if traced else 0.0
    return commits + rows + traces


def _functions(profile: Profile, stack: DeployedStack) -> Iterator[BillLine]:
    prices, logged = profile.prices, _requests(profile) * ACCESS_LOG
    for name, each, ms in invocations(profile, stack, profile.commands.per_second, profile.queries.per_second):
        calls = each * MONTH
        seconds = calls * ms / 1000
        logged += calls * profile.functions.log_bytes
        yield BillLine("Lambda requests", name, calls, calls / MILLION * prices.invocations)
        yield BillLine("Lambda duration", name, seconds, seconds * prices.duration)
    yield BillLine("CloudWatch", "logs", logged / GB, logged / GB * prices.logs)
    kept = logged / GB * stack.number("LogRetentionDays") / 30
    yield BillLine("CloudWatch", "logs kept", kept, kept * prices.kept_logs)


def invocations(
    profile: Profile, stack: DeployedStack, commands: float, queries: float
) -> Iterator[tuple[str, float, float]]:
    """Function, invocations a second at so many commands and queries a second, milliseconds of each at 1 GB."""
    times, over_http = profile.functions, profile.commands.over_http
    batches = commands * profile.commits_per_command / times.commits_per_batch
    yield "command_api", commands * over_http, times.command_ms
    yield "ingest", commands * (1 - over_http) / times.commands_per_ingest, times.ingest_ms
    yield "query_api", queries, times.query_ms
    yield "projector", batches, times.projector_ms
    if stack.is_on("Reactions"):
        yield "reactor", batches, times.reactor_ms
        yield "deadlines", 1 / DEADLINES_EVERY, times.reactor_ms
    yield "change_marker", min(commands * marks(profile, stack), 1 / MARKER_WINDOW), times.marker_ms


def _requests(profile: Profile) -> float:
    return MONTH * (profile.commands.per_second * profile.commands.over_http + profile.queries.per_second)


def _messages(profile: Profile, stack: DeployedStack) -> Iterator[BillLine]:
    prices, commands, ingest = profile.prices, profile.commands.per_second * MONTH, profile.ingest
    requests = _requests(profile)
    yield BillLine("API Gateway", "requests", requests, requests / MILLION * prices.requests)
    entries = commands * profile.published.per_command * ceil(profile.published.bytes / ENTRY)
    if stack.is_on("Reactions"):
        yield BillLine("EventBridge", "entries", entries, entries / MILLION * prices.entries)
    payloads = ingest.records_per_second * MONTH * ceil(ingest.bytes / PAYLOAD)
    yield BillLine("Kinesis", "payload units", payloads, payloads / MILLION * prices.payloads)
    hours = ingest.shards * MONTH / 3600
    yield BillLine("Kinesis", "shard hours", hours, hours * prices.shards)


def _watching(profile: Profile, stack: DeployedStack) -> Iterator[BillLine]:
    alarms, prices = stack.alarms, profile.prices
    yield BillLine("CloudWatch", "metrics", METRICS, METRICS * prices.metrics)
    yield BillLine("CloudWatch", "alarms", alarms, alarms * prices.alarms)
    yield BillLine("CloudWatch", "dashboard", 1, prices.dashboards if alarms else 0.0)
