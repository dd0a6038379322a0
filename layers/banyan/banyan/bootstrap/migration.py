"""The migration of an application; imported only while one is on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from banyan.adapters.clients import s3_client, secrets_client
from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.errors import ConfigurationError
from banyan.migration.archive.manifest import S3Objects
from banyan.migration.archive.tables_dynamodb import DynamoDBTables
from banyan.migration.checks.health import Limits
from banyan.migration.migration import LegacySystem, Migration
from banyan.migration.stores.adapter import AnyAdapter, adapter_of
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.migration.writes.primary import DynamoDBPrimary
from banyan.once import once

if TYPE_CHECKING:
    from banyan.bootstrap.application import Application


def build_migration(app: Application) -> Migration:
    """Build the migration that the settings ask for. Raises ``ConfigurationError``."""
    settings, adapter, bucket = app.settings, adapter_of(app.domain), app.services.archive_bucket
    return Migration(
        _on_dynamodb(app, adapter) if settings.legacy_store == "dynamodb" else _on_postgres(app, adapter),
        adapter,
        app.domain,
        DynamoDBTable(app.gateway, app.tables.events, settings.log_buckets),
        app.gateway,
        app.tables.migration,
        limits=Limits(
            timedelta(hours=settings.stability_hours),
            settings.min_samples,
            settings.rollback_lag_ms,
            settings.rollback_mismatch_rate,
            settings.canary_steps,
            settings.verified_rows,
            timedelta(hours=settings.quiet_hours),
        ),
        objects=S3Objects(once(s3_client), bucket) if bucket else None,
        clock=app.clock,
        telemetry=app.telemetry,
        snapshot_interval=settings.snapshot_interval,
    )


def _on_dynamodb(app: Application, adapter: AnyAdapter) -> LegacySystem:
    name = _given(app.settings.legacy_name, "BANYAN_LEGACY_NAME")
    primary = DynamoDBPrimary(app.gateway, app.tables.migration, adapter.entity)
    legacy = DynamoDBLegacy(app.gateway, name, adapter, primary, stream=app.settings.legacy_stream_arn)
    return LegacySystem(legacy, DynamoDBTables(app.gateway, name, adapter.entity))


def _on_postgres(app: Application, adapter: AnyAdapter) -> LegacySystem:
    from banyan.migration.archive.tables_postgres import PostgresTables
    from banyan.migration.stores.connections import Connections, FixedAddress, SecretAddress
    from banyan.migration.stores.postgres import PostgresLegacy

    url = app.settings.legacy_url.get_secret_value()
    arn = url or _given(app.settings.legacy_database_secret_arn, "BANYAN_LEGACY_DATABASE_SECRET_ARN")
    connections = Connections(FixedAddress(url) if url else SecretAddress(once(secrets_client), arn))
    legacy = PostgresLegacy(connections, adapter)
    return LegacySystem(legacy, PostgresTables(connections, adapter), legacy)


def _given(value: str, name: str) -> str:
    if not value:
        raise ConfigurationError(f"{name} is missing")
    return value
