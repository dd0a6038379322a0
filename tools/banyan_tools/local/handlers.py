"""Handlers, imported from their code folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from typing import Any

from banyan_tools.local.context import LambdaContext
from banyan_tools.local.errors import StackError

Handler = Callable[[Any, LambdaContext], Any]
IMPORTING = Lock()
"""One folder at a time is on the path."""


def handler_file(folder: Path, handler: str) -> Path:
    """Return the file of a handler such as ``app.handler``.

    Raises
    ------
    StackError
        There is no such file.
    """
    file = folder / f"{handler.rpartition('.')[0]}.py"
    if not file.is_file():
        raise StackError(f"The template names the handler {handler} in {folder}, but {file} does not exist.")
    return file


def load_handler(folder: Path, handler: str) -> Handler:
    """Import a handler; every folder may hold modules of the same names."""
    file = handler_file(folder, handler)
    spec = spec_from_file_location(f"{folder.name}_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with IMPORTING, on_path(folder):
        spec.loader.exec_module(module)
    loaded: Handler = getattr(module, handler.rpartition(".")[2])
    return loaded


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Let modules of a folder import each other, and forget them for the folders that follow."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        inside = f"{folder}{os.sep}"
        for name in [name for name, module in list(sys.modules.items()) if file_of(module).startswith(inside)]:
            del sys.modules[name]


def file_of(module: Any) -> str:
    """Where a module comes from; empty when that is not a file."""
    return getattr(module, "__file__", None) or ""
