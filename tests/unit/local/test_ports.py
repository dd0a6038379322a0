"""Ports that the local stack is to listen on."""

from __future__ import annotations

import socket
from contextlib import closing
from unittest.mock import patch

import pytest

from banyan_tools.local.errors import StackError
from banyan_tools.local.ports import free_port, require_free


def test_a_port_on_which_nothing_listens_will_do() -> None:
    require_free(free_port())


def test_a_port_in_use_is_refused() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} is in use: stop what listens there, or choose another"):
            require_free(port)


def test_a_port_that_needs_rights_is_not_said_to_be_in_use() -> None:
    """The refusal is simulated: root is never refused."""
    with (
        patch.object(socket.socket, "bind", side_effect=PermissionError(13, "Permission denied")),
        pytest.raises(StackError, match=r"^Port 80 needs administrator rights: choose one above 1023 with PORT=\.$"),
    ):
        require_free(80)
