"""PostgreSQL for tests: one embedded server, a schema of its own for each test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

Server = str


@contextmanager
def running_server() -> Iterator[Server]:
    """URL of a server that ends with the block; its path is short, because it holds a Unix socket.

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


@contextmanager
def database(server: Server) -> Iterator[str]:
    """URL of an empty schema, dropped in the end."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        yield f"{server}&options=-csearch_path%3D{name}"
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())
