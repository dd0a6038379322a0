"""Every tunable and every address, read from the environment once, never at import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from banyan.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from banyan.domain import Domain

PREFIX = "BANYAN_"
M = TypeVar("M", bound=BaseModel)
LOCAL_ONLY = frozenset({"legacy_url"})
"""Settings that the template does not know: a password belongs into no function's environment."""


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


class Settings(BaseModel):
    """Tunables of the engine; the template's parameters have the same names and defaults."""

    model_config = ConfigDict(frozen=True)

    domain: str = Field(
        "", description="Domain packages to serve, folders of layers/domains, separated by commas; one at least."
    )
    domain_settings: str = Field(
        "", description="What domains declare as settings: name=value or name.member=value, separated by commas."
    )
    jwt_issuer: str = Field(
        "", description="Issuer of the tokens; without issuer and audience every route but the public ones answers 401."
    )
    tenant_claim: str = Field("tenant", description="Claim of the caller's token that names the tenant.")
    max_retries: int = Field(3, ge=0, description="Retries of a command after a conflict, and of a projection.")
    backoff_ms: int = Field(200, ge=1, description="First wait between retries, ms; doubles with each.")
    snapshot_interval: int = Field(
        100,
        ge=2,
        le=1000,
        description="Events between two snapshots of a stream; "
        "so many commits a command that knows nothing of the stream reads in one page, which holds 1 MB.",
    )
    cache_size: int = Field(256, ge=0, description="Aggregates a warm container keeps.")
    log_buckets: int = Field(
        8,
        ge=1,
        le=1000,
        description="Buckets of the log index and of the deadlines; raise it at any time, never lower it.",
    )
    max_body_bytes: int = Field(262_144, ge=1, description="Largest request body, bytes.")
    idempotency_hours: int = Field(24, ge=24, description="How long a repeated request gets the first answer, hours.")
    min_version_wait_ms: int = Field(200, ge=0, description="How long a query waits for minVersion, ms.")
    queries_read_events: Literal["on", "off"] = Field(
        "on", description="Whether queries may read the event table; off for a domain that answers from rows alone."
    )
    console_contents: Literal["on", "off"] = Field(
        "on", description="Whether the operator's API shows what events, states and rows hold; off: no token sees them."
    )
    console_issuer: str = Field(
        "", description="OpenID provider where the console signs in, if that is not `JwtIssuer`."
    )
    console_client_id: str = Field(
        "", description="Client, without a secret, that the console signs in as; without one a token is pasted there."
    )
    projection_parallelization: int = Field(2, ge=1, le=10, description="Concurrent batches per stream shard.")
    projection_batch_size: int = Field(50, ge=1, le=10_000, description="Commits per projector batch.")
    breaker_parked_streams: int = Field(10, ge=1, description="More parked streams than that pause their projection.")
    control_cache_ms: int = Field(
        2000, ge=0, description="How long a process may act on a pause or a switch it read before, ms."
    )
    rebuild_write_units: int = Field(
        500,
        ge=1,
        description="Write units per second that one rebuild may consume, unless the rebuild names another rate.",
    )
    rebuild_parallelization: int = Field(
        2, ge=2, le=1000, description="Segments of rebuilds that are worked on at once."
    )
    read_unit_price: float = Field(0.125, ge=0, description="Price of a million read units, for cost previews.")
    write_unit_price: float = Field(0.625, ge=0, description="Price of a million write units, for cost previews.")
    catch_up_schedule: str = Field(
        "rate(15 minutes)", description="When streams are looked for whose commits were not delivered."
    )
    failure_strategy: Literal["pause_and_alert"] = Field(
        "pause_and_alert", description="What happens to a stream whose projection keeps failing."
    )
    reactions: Literal["on", "off"] = Field(
        "on",
        description="Whether the reactor and the deadlines are deployed; "
        "off for domains without policies, published events and traces.",
    )
    reactor_parallelization: int = Field(2, ge=1, le=10, description="Concurrent batches of the reactor per shard.")
    reactor_batch_size: int = Field(10, ge=1, le=1000, description="Commits per reactor batch.")
    ingest_tenant: str = Field(
        "", description="Tenant that all records of the ingested stream belong to; needed where one is ingested."
    )
    ingest_cache_size: int = Field(
        4000,
        ge=0,
        description="Aggregates of each entity that a warm container of the ingest function keeps, in place of "
        "`CacheSize`; more than the streams of events that it meets.",
    )
    iterator_age_limit_ms: int = Field(
        60_000, ge=1, description="Age of the oldest unread stream record that raises an alarm, ms."
    )
    reconciliation_silence_hours: int = Field(
        13, ge=1, le=168, description="Hours without a run of the reconciliation that raise an alarm."
    )
    reconciliation_schedule: str = Field("rate(6 hours)", description="When the reconciler runs.")
    reconciliation_settle_ms: int = Field(
        5000, ge=0, description="Pause before reconciliation looks at a difference again, ms."
    )
    bus_entry_bytes: int = Field(
        262_144, ge=4096, le=1_048_576, description="Largest entry on the event bus, bytes; larger events are claimed."
    )
    traces: Literal["on", "off"] = Field(
        "on", description="Whether the reactor keeps a row for each commit, by which `banyan trace` shows a request."
    )
    trace_days: int = Field(90, ge=1, description="How long a trace can be asked for, days.")
    tracing: Literal["off", "xray", "otlp"] = Field(
        "off", description="Where spans go: nowhere, to X-Ray, or by OTLP to `TracingEndpoint`."
    )
    tracing_endpoint: str = Field("", description="Whole URL of an OTLP/HTTP collector, ending in `/v1/traces`.")
    tracing_sampled_percent: float = Field(
        100.0, ge=0, le=100, description="Share of the traces that begin here which are kept, %."
    )
    checksum_algorithm: Literal["sha256"] = Field("sha256", description="Checksum of the reconciliation.")
    tolerance_percent: float = Field(0.0, ge=0, le=100, description="Differences tolerated by reconciliation, %.")
    legacy_store: Literal["off", "postgres", "dynamodb"] = Field(
        "off", description="What the legacy system that is replaced stands on: `postgres` or `dynamodb`."
    )
    legacy_database_secret_arn: str = Field(
        "", description="Secret in Secrets Manager that holds the address of the legacy PostgreSQL database."
    )
    legacy_url: SecretStr = Field(
        SecretStr(""),
        description="Address of the legacy PostgreSQL database on one machine; never deployed nor logged.",
    )
    legacy_name: str = Field("", description="Name of the legacy DynamoDB table.")
    legacy_stream_arn: str = Field(
        "",
        description="Stream of the legacy DynamoDB table, which reports what changed; "
        "each reconciliation reads the whole table without it.",
    )
    canary_steps: Annotated[tuple[int, ...], BeforeValidator(_split)] = Field(
        (10, 25, 50, 100), description="Share of reads moved to the projection, step by step, %."
    )
    stability_hours: float = Field(
        24.0, ge=0, description="How long a step of a migration must have been healthy before the next one, hours."
    )
    min_samples: int = Field(100, ge=0, description="Reads that must have been compared before the next step.")
    rollback_lag_ms: int = Field(5000, ge=1, description="Projection lag above which reads move back, ms.")
    rollback_mismatch_rate: float = Field(
        0.01, ge=0, le=1, description="Share of differing reads above which reads move back."
    )

    compared_percent: float = Field(
        5.0, ge=0, le=100, description="Share of reads that are answered by both sides of a migration, %."
    )
    verified_rows: int = Field(
        500, ge=1, description="Legacy rows that each run of the controller compares with their streams."
    )
    quiet_hours: float = Field(
        24.0,
        ge=0,
        description="How long the legacy system must not have been used before a migration is complete, hours.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read ``BANYAN_<FIELD>`` variables; what is not set keeps its default.

        Raises
        ------
        ConfigurationError
            Naming each variable that does not fit.
        """
        return read_settings(cls, environ)


def read_settings(model: type[M], environ: Mapping[str, str], given: Mapping[str, Any] | None = None) -> M:
    """Read ``BANYAN_<FIELD>`` variables; what is not set keeps its default.

    Parameters
    ----------
    given : Mapping[str, Any], optional
        Values by field that come before the variables; others than the model's are left out.

    Raises
    ------
    ConfigurationError
        Naming each variable that does not fit.
    """
    variables = {name: PREFIX + name.upper() for name in model.model_fields}
    found: dict[str, Any] = {name: environ[variable] for name, variable in variables.items() if variable in environ}
    found |= {name: value for name, value in (given or {}).items() if name in variables}
    try:
        return model.model_validate(found)
    except ValidationError as error:
        faults = "; ".join(map(_fault, error.errors()))
        raise ConfigurationError(f"these settings do not fit: {faults}") from error


def _fault(error: ErrorDetails) -> str:
    """What is wrong with one variable, or with several that do not fit together."""
    return "".join(f"{PREFIX}{str(name).upper()}: " for name in error["loc"][:1]) + error["msg"]


def read_domain_settings(domain: Domain, environ: Mapping[str, str]) -> Mapping[str, BaseModel]:
    """The settings that each part of a domain declares, by the part's name.

    ``BANYAN_DOMAIN_SETTINGS`` gives any of them, and comes before the variable that a setting has of its own.

    Raises
    ------
    ConfigurationError
        Naming each variable that does not fit, a setting that is the engine's, or one that no part declares.
    """
    given = _given(environ.get(f"{PREFIX}DOMAIN_SETTINGS", ""))
    declared = {name for part in domain.parts for name in part.settings.model_fields}
    if unknown := sorted(given.keys() - declared):
        raise ConfigurationError(f"no domain that is served declares a setting {unknown[0]!r}")
    for part in domain.parts:
        if taken := sorted(part.settings.model_fields.keys() & Settings.model_fields.keys()):
            raise ConfigurationError(f"setting {taken[0]!r} of domain {part.name!r} is one of the engine's")
    return {part.name: read_settings(part.settings, environ, given) for part in domain.parts}


def check_reactions(settings: Settings, domain: Domain) -> None:
    """Refuse to serve a domain whose reactions would never come.

    Raises
    ------
    ConfigurationError
        Naming what the reactor, which the settings leave out, is needed for.
    """
    needed = [*domain.reactions, *(["keeps traces, unless Traces=off"] if settings.traces == "on" else ())]
    if settings.reactions == "off" and needed:
        raise ConfigurationError(f"domain {domain.name!r} needs Reactions=on: it {', '.join(needed)}")


def _given(text: str) -> Mapping[str, Any]:
    """Settings by name, out of ``name=value,name.member=value``."""
    found: dict[str, Any] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        path, sign, value = entry.partition("=")
        name, dot, member = path.partition(".")
        members = found.setdefault(name, {}) if dot else found
        if not sign or not isinstance(members, dict):
            raise ConfigurationError(f"{PREFIX}DOMAIN_SETTINGS: {entry!r} is not name=value or name.member=value")
        members[member or name] = value
    return found


class Queues(BaseModel):
    """URLs of the queues that functions send to."""

    model_config = ConfigDict(frozen=True)

    rebuild: str = ""
    ingest_failures: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Queues:
        """Read ``REBUILD_QUEUE_URL`` …; a function gets only those it may send to."""
        return cls.model_validate({name: environ.get(f"{name.upper()}_QUEUE_URL", "") for name in cls.model_fields})


class FunctionNames(BaseModel):
    """Names of the functions that others start."""

    model_config = ConfigDict(frozen=True)

    reconciler: str = ""
    migration_controller: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> FunctionNames:
        """Read ``RECONCILER_FUNCTION`` …; a function gets only those it may start."""
        return cls.model_validate({name: environ.get(f"{name.upper()}_FUNCTION", "") for name in cls.model_fields})


class Tables(BaseModel):
    """Names of the tables, as the template hands them to a function."""

    model_config = ConfigDict(frozen=True)

    events: str = ""
    views: str = ""
    cursors: str = ""
    idempotency: str = ""
    reports: str = ""
    digests: str = ""
    migration: str = ""
    deadlines: str = ""
    traces: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Tables:
        """Read ``EVENTS_TABLE``, ``VIEWS_TABLE`` … ; a function gets only the tables it may use."""
        return cls.model_validate({name: environ.get(f"{name.upper()}_TABLE", "") for name in cls.model_fields})


class Services(BaseModel):
    """Names of what a function may use besides tables, as the template hands them to it."""

    model_config = ConfigDict(frozen=True)

    event_bus: str = ""
    claims_bucket: str = ""
    archive_bucket: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Services:
        """Read ``EVENT_BUS``, ``CLAIMS_BUCKET`` and ``ARCHIVE_BUCKET``."""
        return cls.model_validate({name: environ.get(name.upper(), "") for name in cls.model_fields})
