"""Moments as rows are sorted and grouped by."""

from __future__ import annotations

from datetime import UTC, datetime

from banyan import Event


def happened(event: Event) -> datetime:
    """When the event happened in the world, UTC; a time without a zone counts as UTC."""
    moment = event.occurred_at
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def sortable(moment: datetime) -> str:
    """Text of fixed width that sorts as the moments do."""
    return moment.isoformat(timespec="microseconds")
