"""List prices, as parameters with dated defaults."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from banyan.adapters.settings import Settings
from banyan_tools.cost.part import Part

AS_OF: Final = "2026-11-26"
REGION: Final = "us-east-1"

_SETTINGS: Final = Settings()


class ListPrices(Part):
    """Dollars, of ``us-east-1`` and without free tiers; those of DynamoDB's units are the settings' own."""

    write_units: float = Field(_SETTINGS.write_unit_price, ge=0, description="a million write units")
    read_units: float = Field(_SETTINGS.read_unit_price, ge=0, description="a million read units")
    storage: float = Field(0.25, ge=0, description="a GB in tables and indexes for a month")
    recovery: float = Field(0.20, ge=0, description="a GB under point-in-time recovery for a month")
    invocations: float = Field(0.20, ge=0, description="a million invocations")
    duration: float = Field(0.0000133334, ge=0, description="a GB-second on arm64")
    requests: float = Field(1.00, ge=0, description="a million requests to the HTTP API")
    entries: float = Field(1.00, ge=0, description="a million entries of 64 KB on the event bus")
    shards: float = Field(0.015, ge=0, description="an hour of a provisioned Kinesis shard")
    payloads: float = Field(0.014, ge=0, description="a million payload units of 25 KB put into Kinesis")
    logs: float = Field(0.50, ge=0, description="a GB of logs, written")
    kept_logs: float = Field(0.03, ge=0, description="a GB of logs, kept for a month")
    metrics: float = Field(0.30, ge=0, description="a custom metric for a month")
    alarms: float = Field(0.10, ge=0, description="an alarm for a month")
    dashboards: float = Field(3.00, ge=0, description="a dashboard for a month")
