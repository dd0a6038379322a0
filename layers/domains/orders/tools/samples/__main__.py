"""Writes the sample events: python -m orders.tools.samples."""

from __future__ import annotations

from banyan_tools.runtime.cases import EVENTS
from banyan_tools.samples.files import write
from orders.tools.samples.files import samples

if __name__ == "__main__":
    write(samples(), EVENTS)
