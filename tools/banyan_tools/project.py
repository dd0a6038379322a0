"""The project that the tools work on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TEMPLATE: Final = "template.yaml"


def project_root(start: Path) -> Path:
    """The nearest folder with a template, from one upwards; the folder itself where there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / TEMPLATE).is_file()), start)


ROOT: Final = project_root(Path.cwd())
