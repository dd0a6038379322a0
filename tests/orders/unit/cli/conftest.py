"""The command line against the real API behind the local gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.orders.support.platform import InProcessPlatform
from tests.support.clocks import PATIENCE
from typer.testing import CliRunner, Result

from banyan.entrypoints.http.identity import ADMIN, EVENTS
from banyan_tools.cli.app import app
from banyan_tools.local.token import make_token


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the key of the gateway's tokens is kept."""
    return tmp_path_factory.mktemp("keys")


class Banyan:
    """The command, as it is typed."""

    def __init__(self, url: str, token: str) -> None:
        self._environment = {"BANYAN_URL": url, "BANYAN_TOKEN": token, "COLUMNS": "200"}
        self.token = token

    def __call__(self, line: str, *words: str, **environment: str) -> Result:
        result = CliRunner().invoke(app, [*line.split(), *words], env=self._environment | environment)
        assert self.token not in result.output
        return result

    def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What the API behind the same gateway answers."""
        url, headers = self._environment["BANYAN_URL"] + path, {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, url, headers=headers, json=body, timeout=PATIENCE)

    def json(self, line: str) -> Any:
        """What a command that must be done prints as JSON."""
        result = self(f"{line} --json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def banyan(platform: InProcessPlatform, data: Path) -> Iterator[Banyan]:
    """The command line, beside a gateway that serves."""
    with platform.serving(data) as url:
        yield Banyan(url, make_token("acme", data, scopes=[ADMIN, EVENTS]))
