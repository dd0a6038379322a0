"""Setting a migration up from the settings; imported only while one is on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from banyan.adapters.clients import s3_client, secrets_client
from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.settings import Services, Settings, Tables
from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.migration.archive.objects import S3Objects
from banyan.migration.archive.tables_dynamodb import DynamoDBTables
from banyan.migration.archive.worker import ArchiveWorker
from banyan.migration.checks.health import Limits
from banyan.migration.checks.overview import Observer
from banyan.migration.checks.samples import SampledReads
from banyan.migration.parts import Ground, Parts, with_outbox, with_shared_transactions
from banyan.migration.phases.controller import Controller
from banyan.migration.stores.adapter import adapter_of
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.migration.stores.notes import Notes
from banyan.migration.sync.backfill import Backfill
from banyan.migration.sync.backlog import SyncBacklog
from banyan.migration.writes.primary_dynamodb import DynamoDBPrimary
from banyan.once import once
from banyan.store.eventstore import Clock
from banyan.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from banyan.migration.stores.address import Address


def set_up(
    settings: Settings, tables: Tables, domain: Domain, client: DynamoDBClient, clock: Clock, telemetry: Telemetry
) -> Parts:
    """Put the parts of a migration together.

    Raises
    ------
    ConfigurationError
        The domain names no adapter, or a setting is missing.
    """
    adapter = adapter_of(domain)
    table = DynamoDBTable(client, tables.events, settings.log_buckets)
    primary = DynamoDBPrimary(client, tables.migration, adapter.entity)
    decider = domain.decider(adapter.entity)
    notes = Notes(client, tables.migration, adapter.entity)
    quiet = timedelta(hours=settings.quiet_hours)
    samples = SampledReads(client, tables.migration, adapter.entity)
    ground = Ground(table, domain.registry, decider, adapter, primary, notes, samples, clock, telemetry, quiet)
    if settings.legacy_store == "dynamodb":
        name = _given(settings.legacy_name, "BANYAN_LEGACY_NAME")
        legacy = DynamoDBLegacy(client, name, adapter, primary, stream=settings.legacy_stream_arn)
        return with_shared_transactions(ground, legacy, DynamoDBTables(client, name, adapter.entity))
    from banyan.migration.archive.tables_postgres import PostgresTables
    from banyan.migration.stores.connections import Connections
    from banyan.migration.stores.postgres import PostgresLegacy

    connections = Connections(_address(settings))
    repository = PostgresLegacy(connections, adapter)
    backlog = SyncBacklog(client, tables.migration, adapter.entity)
    return with_outbox(ground, repository, repository, backlog, PostgresTables(connections, adapter))


def controller(parts: Parts, settings: Settings, clock: Clock, telemetry: Telemetry) -> Controller:
    """The controller of a migration."""
    return Controller(parts, limits(settings), clock, telemetry)


def limits(settings: Settings) -> Limits:
    """When to move, as the settings say."""
    return Limits(
        timedelta(hours=settings.stability_hours),
        settings.min_samples,
        settings.rollback_lag_ms,
        settings.rollback_mismatch_rate,
        settings.canary_steps,
        settings.verified_rows,
    )


def observer(parts: Parts, settings: Settings, clock: Clock) -> Observer:
    """What shows a migration to people."""
    return Observer(parts, limits(settings), timedelta(hours=settings.quiet_hours), clock)


def backfill(parts: Parts) -> Backfill:
    """The backfill of a migration."""
    return Backfill(parts.repository, parts.importer, parts.recover, parts.phases, parts.notes)


def archive_worker(parts: Parts, services: Services, clock: Clock) -> ArchiveWorker:
    """What writes and restores the archives of a migration. Raises ``ConfigurationError``."""
    bucket = _given(services.archive_bucket, "ARCHIVE_BUCKET")
    return ArchiveWorker(parts.end.archives, S3Objects(once(s3_client), bucket), clock)


def _address(settings: Settings) -> Address:
    from banyan.migration.stores.address import FixedAddress, SecretAddress

    url = settings.legacy_url.get_secret_value()
    if url:
        return FixedAddress(url)
    arn = _given(settings.legacy_database_secret_arn, "BANYAN_LEGACY_DATABASE_SECRET_ARN")
    return SecretAddress(once(secrets_client), arn)


def _given(value: str, name: str) -> str:
    if not value:
        raise ConfigurationError(f"{name} is missing")
    return value
