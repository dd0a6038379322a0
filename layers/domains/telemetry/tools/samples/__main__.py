"""Writes the sample events: python -m telemetry.tools.samples."""

from __future__ import annotations

from banyan_tools.runtime.cases import EVENTS
from banyan_tools.samples.files import write
from telemetry.tools.samples.files import samples

if __name__ == "__main__":
    write(samples(), EVENTS / "telemetry")
