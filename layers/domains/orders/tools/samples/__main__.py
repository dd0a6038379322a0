"""Writes the sample events: python -m orders.tools.samples."""

from __future__ import annotations

from pathlib import Path

from banyan_tools.runtime.cases import EVENTS
from orders.tools.samples.files import samples


def write(folder: Path) -> None:
    """Write every sample event into the folder of its function."""
    for name, text in samples().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


if __name__ == "__main__":
    write(EVENTS)
