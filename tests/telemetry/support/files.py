"""Reads a text as the importer reads a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telemetry.tools.importer.reading import File, Options, Tally


def read(path: Path, content: str | bytes, **options: Any) -> tuple[list[tuple[int, float]], Tally]:
    """Times and values of a file that holds `content`, and what became of its other lines."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    file = File.looked_at(path, Options(**options))
    return [(at, value) for _, at, value in file.readings()], file.tally
