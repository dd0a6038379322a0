"""Where a load meets a limit first, and which parameter moves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from banyan_tools.cost.bill import invocations
from banyan_tools.cost.profile import Profile
from banyan_tools.cost.stack import DeployedStack
from banyan_tools.cost.units import IN_TRANSACTION, kilobytes, marks, units

AT_ONCE: Final = "at once"
"""The unit of a limit that is not one per second."""
OF_A_PARTITION: Final = 1000
"""Write units that DynamoDB takes each second under one partition key."""
SHARD_BYTES: Final = 1_000_000
SHARD_RECORDS: Final = 1000
OTHER_TABLES: Final = ("log index", "rows", "lookups", "cursors", "traces", "idempotency", "deadlines")
"""Components with a table or indexes of their own; those of lookups count as one."""


@dataclass(frozen=True)
class Limit:
    """A limit, and what the busiest seconds of a profile ask of it.

    Parameters
    ----------
    raised_by : str
        The parameter or quota that moves it, or what else helps.
    """

    what: str
    limit: float
    asked: float
    unit: str
    raised_by: str

    @property
    def used(self) -> float:
        """Share of it: above 1 the load does not fit."""
        return self.asked / self.limit if self.limit else inf


def limits(profile: Profile, stack: DeployedStack) -> Sequence[Limit]:
    """Every limit that the load comes near, the first to be met at the front."""
    found = [*_of_tables(profile, stack), *_of_functions(profile, stack), *_of_streams(profile)]
    return sorted((limit for limit in found if limit.asked), key=lambda limit: -limit.used)


def _of_tables(profile: Profile, stack: DeployedStack) -> Iterator[Limit]:
    peak, commits = profile.commands.peak_per_second, profile.commits_per_command
    found = units(profile, stack)
    append = (found["append"] + found["snapshots"]).write
    largest = max(append, marks(profile, stack), *(found[name].write for name in OTHER_TABLES))
    buckets = stack.number("LogBuckets")
    each = append / commits if commits else 0
    yield Limit("one stream", OF_A_PARTITION, profile.limits.hottest_stream * each, "write units", "more streams")
    row = profile.limits.hottest_row * _units_of_a_shared_row(profile)
    yield Limit("one row", OF_A_PARTITION, row, "write units", "rows that fewer streams share")
    listed = peak * found["log index"].write
    yield Limit("log index", OF_A_PARTITION * buckets, listed, "write units", "LogBuckets")
    new = profile.limits.new_table_write_units
    yield Limit("a new table", new, peak * largest, "write units", "a warm throughput, in time before the peak")
    yield Limit("a table", profile.limits.table_write_units, peak * largest, "write units", "the account's quota")


def _units_of_a_shared_row(profile: Profile) -> int:
    """Of the largest, in its transaction: the profile does not say which one is hot."""
    return IN_TRANSACTION * max((kilobytes(each.bytes) for each in profile.rows if each.kind == "shared"), default=1)


def _of_functions(profile: Profile, stack: DeployedStack) -> Iterator[Limit]:
    commands, queries, times = profile.commands, profile.queries, profile.functions
    over_http = commands.peak_per_second * commands.over_http
    yield Limit("API, commands", stack.number("ThrottleRate"), over_http, "requests", "ThrottleRate")
    yield Limit(
        "API, queries", stack.number("QueryThrottleRate"), queries.peak_per_second, "requests", "QueryThrottleRate"
    )
    found = invocations(profile, stack, commands.peak_per_second, queries.peak_per_second)
    running = sum(each * ms for _, each, ms in found)
    yield Limit("Lambda", profile.limits.concurrency, running / 1000, AT_ONCE, "the account's quota")
    if reserved := stack.number("CommandConcurrency"):
        at_once = over_http * times.command_ms / 1000
        yield Limit("Lambda, commands", reserved, at_once, AT_ONCE, "CommandConcurrency")
    if stack.is_on("Reactions"):
        published = commands.peak_per_second * profile.published.per_command
        yield Limit("event bus", profile.limits.bus_entries, published, "entries", "the account's quota")


def _of_streams(profile: Profile) -> Iterator[Limit]:
    ingest = profile.ingest
    records, size = ingest.peak_records_per_second, ingest.peak_records_per_second * ingest.bytes
    yield Limit("Kinesis, records", ingest.shards * SHARD_RECORDS, records, "records", "shards of the stream")
    yield Limit("Kinesis, bytes", ingest.shards * SHARD_BYTES, size, "bytes", "shards of the stream")
