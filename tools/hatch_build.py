"""Adds to the distribution the examples that ``banyan new --from`` can begin with, from where they stand."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # type: ignore[import-not-found]


class Examples(BuildHookInterface):  # type: ignore[misc]
    """Called by the build; see ``tool.hatch.build.targets.wheel.hooks.custom``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Name each file, and where the distribution has it."""
        root, starts = Path(self.root).parent, run_path(str(Path(self.root) / "banyan_tools" / "new" / "starts.py"))
        for name in starts["examples"](root):
            for path in [*starts["files"](root, name), starts["readme"](name), starts["cost_profile"](name)]:
                build_data["force_include"][str(root / path)] = f"banyan_tools/new/project/{path.as_posix()}"
