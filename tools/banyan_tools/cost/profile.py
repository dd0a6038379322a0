"""The load of a domain, as a TOML file says it: all means are per command, unless they are per second."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, StrictFloat, StrictInt, StrictStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from banyan.store.items import MAX_ITEM_BYTES, MAX_SNAPSHOT_BYTES, MAX_TRANSACTION_BYTES
from banyan_tools.cost.part import Part
from banyan_tools.cost.prices import ListPrices


class ProfileError(Exception):
    """A profile that cannot be read; the message says where."""


class Rate(Part):
    """Requests a second: in the mean of a month, and in its busiest seconds.

    Parameters
    ----------
    read_units : float
        Of one request, for queries.
    """

    per_second: float = Field(0.0, ge=0)
    peak_per_second: float = Field(0.0, ge=0)
    over_http: float = Field(1.0, ge=0, le=1)
    read_units: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _peaks_above_the_mean(self) -> Self:
        if self.peak_per_second < self.per_second:
            raise ValueError("peak_per_second is at least per_second")
        return self


class Commits(Part):
    """A kind of commit.

    Parameters
    ----------
    per_command : float
        Those of policies and deadlines included.
    bytes : int
        Of its item: keys, events as they are stored, which is compressed, and all other attributes.
    transaction : bool
        Whether it is written with commits of other streams, all or nothing.
    checks : float
        Streams that are only checked, for each of these commits.
    read_units : float
        What is read before it is written, warm: a unit for the head, none where the append finds out.
    snapshot_bytes : int
        Of the state in a snapshot; 0 for streams that stay below ``SnapshotInterval`` events.
    """

    name: str
    per_command: float = Field(ge=0)
    bytes: int = Field(gt=0, le=MAX_TRANSACTION_BYTES)
    events: float = Field(1.0, gt=0)
    transaction: bool = False
    checks: float = Field(0.0, ge=0)
    read_units: float = Field(1.0, ge=0)
    snapshot_bytes: int = Field(0, ge=0, le=MAX_SNAPSHOT_BYTES)

    @property
    def items(self) -> int:
        """Those that it is split over, in a transaction, where one cannot hold it."""
        return ceil(self.bytes / MAX_ITEM_BYTES)


class Rows(Part):
    """What a projection writes.

    Parameters
    ----------
    kind : str
        ``stream``: a row for each stream. ``shared``: rows that many streams add to. ``owned``: rows behind what their
        stream carries.
    commits : float
        That it applies, per command.
    rows : float
        Written for each of them; always 1 for ``stream``.
    rows_read : float
        Of owned rows, read for each of them before they change.
    bytes : int
        Of a row.
    carried_bytes : int
        What the stream of owned rows carries.
    entries : float
        Of lookups, written for each row: one for each lookup, two where the row moves within it.
    kept : float
        New rows per command, which stay, for their storage.
    """

    projection: str
    kind: Literal["stream", "shared", "owned"] = "stream"
    commits: float = Field(ge=0)
    rows: float = Field(1.0, ge=0)
    rows_read: float = Field(0.0, ge=0)
    bytes: int = Field(gt=0, le=MAX_ITEM_BYTES)
    carried_bytes: int = Field(0, ge=0, le=MAX_ITEM_BYTES)
    entries: float = Field(0.0, ge=0)
    kept: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _owned_rows_stand_behind_something(self) -> Self:
        if self.kind == "owned" and not self.carried_bytes:
            raise ValueError("owned rows need carried_bytes: what their stream carries is written with each commit")
        return self


class PerCommand(Part):
    """How many, and how large.

    Parameters
    ----------
    write_units : float
        Of an idempotency key: 1 where the answer follows from the commit, 2 where it is kept.
    """

    per_command: float = Field(0.0, ge=0)
    bytes: int = Field(500, gt=0)
    write_units: float = Field(1.0, ge=0)


class Ingested(Part):
    """Records that a Kinesis stream feeds; what is made of them are the commands of the profile.

    Parameters
    ----------
    readings_per_record : float
        Contents of a record, for the price of a million of them.
    shards : int
        That the stream has.
    """

    records_per_second: float = Field(0.0, ge=0)
    peak_records_per_second: float = Field(0.0, ge=0)
    bytes: int = Field(1000, gt=0)
    readings_per_record: float = Field(1.0, gt=0)
    shards: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _has_shards(self) -> Self:
        if (self.records_per_second or self.peak_records_per_second) and not self.shards:
            raise ValueError("records need at least one shard")
        if self.peak_records_per_second < self.records_per_second:
            raise ValueError("peak_records_per_second is at least records_per_second")
        return self


class FunctionTimes(Part):
    """What Lambda bills: warm milliseconds of an invocation at 1 GB, and commits in a batch. Assumed, not measured."""

    command_ms: float = Field(30, gt=0)
    query_ms: float = Field(15, gt=0)
    projector_ms: float = Field(40, gt=0)
    reactor_ms: float = Field(50, gt=0)
    marker_ms: float = Field(50, gt=0)
    ingest_ms: float = Field(60, gt=0)
    commits_per_batch: float = Field(1.0, ge=1)
    commands_per_ingest: float = Field(1.0, ge=1)
    log_bytes: int = Field(1500, ge=0)


class Reconciled(Part):
    """What each run of the reconciliation looks at.

    Parameters
    ----------
    rows : float
        That changed since the run before, each once, per command.
    """

    rows: float = Field(0.0, ge=0)


class Storage(Part):
    """For how long data has been kept when it is billed, and how long what expires stays; months."""

    months: float = Field(12, gt=0)
    expiring_rows_months: float = Field(0, ge=0)


class PeakLoad(Part):
    """What meets a limit in the busiest seconds, each second, and what the account allows."""

    hottest_stream: float = Field(0.0, ge=0)
    hottest_row: float = Field(0.0, ge=0)
    concurrency: int = Field(1000, gt=0)
    bus_entries: float = Field(10_000, gt=0)
    table_write_units: float = Field(40_000, gt=0)
    new_table_write_units: float = Field(4_000, gt=0)


class Profile(Part):
    """A whole file.

    Parameters
    ----------
    domain : str
        Packages, as the parameter ``Domain`` names them.
    parameters : Mapping[str, str]
        Of the template, where they are not its defaults.
    """

    title: str
    domain: str
    commands: Rate
    queries: Rate = Rate()
    commits: Sequence[Commits]
    rows: Sequence[Rows] = ()
    idempotency: PerCommand = PerCommand()
    deadlines: PerCommand = PerCommand()
    published: PerCommand = PerCommand()
    reconciliation: Reconciled = Reconciled()
    ingest: Ingested = Ingested()
    functions: FunctionTimes = FunctionTimes()
    storage: Storage = Storage()
    limits: PeakLoad = PeakLoad()
    prices: ListPrices = ListPrices()
    parameters: Mapping[str, StrictStr | StrictInt | StrictFloat] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _commands_come_from_somewhere(self) -> Self:
        if self.commands.per_second * (1 - self.commands.over_http) and not self.ingest.records_per_second:
            raise ValueError("commands that do not come over HTTP (over_http below 1) need an [ingest] with records")
        return self

    @property
    def commits_per_command(self) -> float:
        """Of all kinds."""
        return sum(each.per_command for each in self.commits)


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    ProfileError
        The file cannot be read, is not TOML, or says something that a profile does not.
    """
    try:
        return Profile.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise ProfileError(f"{path} is not TOML: it is nested too deeply.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        found = "; ".join(map(_said, error.errors()))
        raise ProfileError(f"{path} is not a profile: {found}.") from None


def _said(error: ErrorDetails) -> str:
    """Where something is wrong, and what."""
    where = ".".join(map(str, error["loc"]))
    what = error["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
