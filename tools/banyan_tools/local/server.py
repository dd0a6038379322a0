"""The web server, on this machine's own address only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

HOST = "127.0.0.1"
LOOK_SECONDS = 0.05
"""How late the server may notice that it is to end."""


class QuietHandler(WSGIRequestHandler):
    """Leaves the request lines to the gateway."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Write nothing."""


@contextmanager
def serving(application: Callable[[Request], Response], port: int) -> Iterator[str]:
    """Serve an application in threads until the block is left; yield its URL."""
    server = make_server(HOST, port, Request.application(application), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), name="http", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
