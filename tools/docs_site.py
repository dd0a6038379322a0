"""Hooks of the site's build."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_FOR_TESTS = re.compile(r"^(```\w+) (?:run|serve)$", re.MULTILINE)
"""What a fence says to the tests about its code is not for readers."""


def on_config(config: Any) -> Any:
    """List every decision in the navigation."""
    docs = Path(config["docs_dir"])
    (decisions,) = (entry["Decisions"] for entry in config["nav"] if "Decisions" in entry)
    decisions += sorted(str(page.relative_to(docs)) for page in docs.glob("adr/0*.md"))
    return config


def on_page_markdown(markdown: str, **_: object) -> str:
    """A page without what is not for readers."""
    return _FOR_TESTS.sub(r"\1", markdown)
