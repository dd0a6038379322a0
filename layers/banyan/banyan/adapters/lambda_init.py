"""What a function does while Lambda initialises it, so that its first request finds everything imported and built.

Lambda initialises with more CPU than a function of this size has afterwards, and SnapStart keeps what is there then.
Importing this module on Lambda stops the garbage collector, which would find nothing among what imports leave behind.

A function sends nothing and reads no table meanwhile, so that a snapshot of it holds no connection and nothing that
ages; what it does hold, and every restore would share, is the state of ``random``.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable
from typing import Final, TypeVar

from banyan.once import once

T = TypeVar("T")

RUNTIME_API: Final = "AWS_LAMBDA_RUNTIME_API"
"""Set by Lambda, and by its emulator, in the process of a function."""

INITIALIZATION: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"
SNAP_START: Final = "snap-start"

if RUNTIME_API in os.environ:
    gc.disable()


def at_init(build: Callable[[], T]) -> Callable[[], T]:
    """Let ``build`` run once: while Lambda initialises the function, and elsewhere at the first call.

    What it raises on Lambda is logged with its reason, and Lambda initialises the function again.
    """
    built = once(build)
    if RUNTIME_API in os.environ:
        _initialise(built)
    return built


def _initialise(build: Callable[[], object]) -> None:
    from banyan.adapters.observability import reporting_failures, set_up_tracing

    with reporting_failures("the function cannot start"):
        set_up_tracing()
        build()
    if os.environ.get(INITIALIZATION) == SNAP_START:
        _reseed_when_restored()
    gc.freeze()
    gc.enable()


def _reseed_when_restored() -> None:
    """Let no two restores of a snapshot wait alike or draw the same ids; the runtime has the module."""
    from snapshot_restore_py import register_after_restore  # type: ignore[import-untyped]

    register_after_restore(random.seed)
