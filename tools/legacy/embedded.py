"""An embedded PostgreSQL."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def embedded_postgres() -> Iterator[str]:
    """URL of an empty server that ends with the block; its path is short, because it holds a Unix socket.

    pgserver locks a file once more when the process ends, so the folder is removed behind that.
    """
    folder = tempfile.mkdtemp(prefix="bn-pg-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    from pgserver.postgres_server import get_server

    server = get_server(f"{folder}/data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
