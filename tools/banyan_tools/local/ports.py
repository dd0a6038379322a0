"""Ports of this machine."""

import socket
from errno import EADDRINUSE

from banyan_tools.local.errors import StackError


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def require_free(port: int) -> None:
    """Refuse a port on which a server could not listen.

    Raises
    ------
    StackError
        Something listens there, or only an administrator may listen there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise StackError(f"Port {port} needs administrator rights: choose one above 1023 with PORT=.") from None
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            raise StackError(f"Port {port} is in use: stop what listens there, or choose another with PORT=.") from None
