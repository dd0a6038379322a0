"""What a rebuild changes in the control of its projection, each in one conditional write."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from banyan.projections.control import Control, Controls, Stage
from banyan.projections.controls import change
from banyan.projections.rebuild.base import Build, Checkpoints, Segment

_logger = logging.getLogger(__name__)


def finish(controls: Controls, build: Build, segments: Sequence[Segment], now: datetime) -> None:
    """Say that a build is complete, and let queries read it if that was asked for and nothing differs.

    What another version of the projection made is expected to differ, and so is what a new projection has not got yet.
    """
    number = build.generation.number
    failed, equal = any(segment.failed for segment in segments), not any(segment.different for segment in segments)

    def ready(control: Control) -> Control:
        info = control.info(number)
        if info.stage is not Stage.BUILDING:
            return control
        done = control.readied(number, now)
        right = not failed and (equal or build.first or control.outdated(info.version))
        return done.switched(number, now) if right and build.switch_when_equal and control.live == build.base else done

    control = change(controls, build.generation.projection, ready)
    outcome = "equal" if equal and not failed else "differs"
    _logger.info("%s is complete and %s", build.generation, outcome, extra={"live": control.live})


def forget(controls: Controls, checkpoints: Checkpoints, build: Build) -> None:
    """Leave out a generation whose rows are gone, then what is known about its build."""
    number = build.generation.number

    def without(control: Control) -> Control:
        known = any(info.number == number for info in control.generations)
        return control.forgotten(number) if known else control

    change(controls, build.generation.projection, without)
    checkpoints.forget(build)
