"""``banyan token``: tokens of any caller for the local stack."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from banyan.entrypoints.http.identity import identify
from banyan_tools.cli.app import app
from banyan_tools.local.authorizer import JwtAuthorizer
from banyan_tools.local.keys import AUDIENCE, ISSUER, local_key
from banyan_tools.local.token import main


@pytest.mark.parametrize(
    ("options", "actor", "scopes"),
    [
        ([], "developer", set()),
        (
            ["--sub", "alice", "--scope", "ledger/read", "--scope", "ledger/approve"],
            "alice",
            {"ledger/read", "ledger/approve"},
        ),
    ],
)
def test_the_local_stack_accepts_it_for_whom_it_names(
    tmp_path: Path, options: list[str], actor: str, scopes: set[str]
) -> None:
    result = CliRunner().invoke(app, ["token", "--tenant", "city", "--data", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    authorizer = JwtAuthorizer(ISSUER, [AUDIENCE], local_key(tmp_path).public_key())
    verified = authorizer.authorize({"authorization": f"Bearer {result.stdout.strip()}"})
    caller = identify({"requestContext": {"authorizer": verified}}, "tenant")
    assert (caller.tenant, caller.actor, caller.scopes) == ("city", actor, frozenset(scopes))


@pytest.mark.parametrize("tenant", ["a b", "", "null", "true", "_a", "a/b", "a:b", "ä", "a" * 129])
def test_a_tenant_that_the_api_would_refuse_gets_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    result = CliRunner().invoke(app, ["token", "--tenant", tenant, "--data", str(tmp_path)])
    monkeypatch.setattr("sys.argv", ["token", tenant, "--data", str(tmp_path)])
    assert (result.exit_code, main()) == (1, 2)
    for said in (result.output, capsys.readouterr().err):
        assert f"{tenant!r} cannot be the name of a tenant: choose up to 128 letters, digits" in " ".join(said.split())
    assert not list(tmp_path.iterdir())
