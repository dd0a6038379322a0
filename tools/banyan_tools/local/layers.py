"""The template's layers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from banyan_tools.local.template import Template


@contextmanager
def layers(template: Template) -> Iterator[None]:
    """Put the content of every layer on the import path."""
    folders = template.build("AWS::Lambda::LayerVersion", lambda layer: layer.properties["Content"]["S3Key"])
    paths = [importable(template.root / folder) for folder in folders]
    sys.path[:0] = paths
    try:
        yield
    finally:
        for path in paths:
            sys.path.remove(path)


def importable(layer: Path) -> str:
    """Return the folder that Lambda would import from: ``python`` in the layer, or what the build puts there."""
    inner = layer / "python"
    return str((inner if inner.is_dir() else layer).resolve())
