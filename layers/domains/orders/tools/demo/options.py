"""What is played, and with which settings of the template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from banyan_tools.local.engine import Engine
from banyan_tools.local.physical import stream_arn
from orders.tools.legacy.kinds import Kind

LEGACY_TABLE = "legacy-orders"
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """One performance.

    Parameters
    ----------
    file : Path
        An Online Retail CSV.
    copies : int
        How often its orders are taken, under ids of their own.
    stable, quiet : float
        Seconds that stand for the 24 hours of a migration in earnest.
    window : float
        How long an event may be on its way, seconds.
    samples : int
        Reads that must have been compared before a step.
    tampered : int
        Rows of the read model that are falsified.
    seconds : float
        In so much time clients send most of their commands.
    out : Path
        Where the timeline is drawn.
    """

    engine: Engine
    legacy: Kind
    file: Path
    copies: int = 1
    stable: float = 3.0
    quiet: float = 3.0
    window: float = 1.5
    samples: int = 15
    tampered: int = 50
    seconds: float = 120.0
    out: Path = Path(".banyan/demo.svg")

    def parameters(self, url: str) -> dict[str, str]:
        """Parameters of the template: hours of a migration become seconds, and nothing else changes."""
        table = {"LegacyName": LEGACY_TABLE, "LegacyStreamArn": stream_arn(LEGACY_TABLE)}
        place = {"LegacyUrl": url} if self.legacy is Kind.POSTGRES else table
        return {
            "LegacyStore": self.legacy.value,
            **place,
            "StabilityHours": f"{self.stable / HOUR:.6f}",
            "QuietHours": f"{self.quiet / HOUR:.6f}",
            "MinSamples": str(self.samples),
            "ComparedPercent": "100",
            "ReconciliationSettleMs": str(round(self.window * 1000)),
        }
