"""The command line: what it prints, what it exits with, and what it says when it cannot begin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.ledger.support.gateway import Gateway
from tests.ledger.support.hledger import balance_csv, needs_hledger, printed
from tests.ledger.support.planned import csv_of
from tests.support.wsgi import serving
from typer.testing import CliRunner, Result

from banyan_tools.local.ports import free_port
from banyan_tools.project import ROOT
from ledger.tools.importer.cli import app

IMPORTER = ROOT / "layers" / "domains" / "ledger" / "tools" / "importer"
SAMPLE, JOURNAL = IMPORTER / "sample.csv", IMPORTER / "sample.journal"


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def url(gateway: Gateway) -> Iterator[str]:
    with serving(gateway) as url:
        yield url


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"TOKEN": "secret", "COLUMNS": "150"})


def test_the_sample_is_imported_once_and_reported(url: str, gateway: Gateway, tmp_path: Path) -> None:
    result = run("import", SAMPLE, "--url", url, "--report", tmp_path / "report.json")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["transfers"] == {"posted": 10, "alreadyThere": 0, "waiting": 0, "refused": 0}
    assert report["rounded"] == ["3"]
    extra = {(each["name"], each["currency"]): each["balance"] for each in report["extraAccounts"]}
    assert extra == {("equity:rounding", "0x24"): "0.0032", ("equity:unbalanced virtual postings", "0x24"): "-200"}
    for shown in ("transfers posted", "gold bars", "0x24", "equity:rounding"):
        assert shown in result.stdout
    posts = len(gateway.posts)
    assert run("import", SAMPLE, "--url", url).exit_code == 0
    assert len(gateway.posts) == posts


@needs_hledger
def test_the_sample_is_what_hledger_prints_of_its_journal() -> None:
    assert printed(JOURNAL.read_text()) == SAMPLE.read_text()


@needs_hledger
@pytest.mark.parametrize("layout", [[], ["--layout=bare"], ["--layout=tidy"], ["--layout=bare", "-E"]])
def test_balances_agree_with_each_form_of_the_report(url: str, tmp_path: Path, layout: list[str]) -> None:
    run("import", SAMPLE, "--url", url)
    balances = tmp_path / "balances.csv"
    balances.write_text(balance_csv(JOURNAL.read_text(), None, *layout))
    result = run("check", balances, "--url", url, "--pause", 0)
    assert (result.exit_code, "balances agree" in result.stdout) == (0, True), result.stdout


@needs_hledger
def test_balances_of_a_day_agree(url: str, tmp_path: Path) -> None:
    run("import", SAMPLE, "--url", url)
    balances = tmp_path / "balances.csv"
    balances.write_text(balance_csv(JOURNAL.read_text(), date(2026, 2, 1)))
    assert run("check", balances, "--url", url, "--pause", 0, "--end", "2026-02-01").exit_code == 0
    assert run("check", balances, "--url", url, "--pause", 0, "--end", "2026-02-02").exit_code == 1


def test_balances_that_differ_are_shown(url: str, tmp_path: Path) -> None:
    run("import", SAMPLE, "--url", url)
    balances = tmp_path / "balances.csv"
    balances.write_text('"account","balance"\n"expenses:rent","$1900.01"\n"nowhere","7 ""gold bars"", 5 EUR"\n')
    result = run("check", balances, "--url", url, "--pause", 0)
    assert result.exit_code == 1
    for shown in ("1900.01", "nowhere", "0zTLTRZZPVTH", "income:salary"):
        assert shown in result.stdout
    assert "equity:rounding" not in result.stdout


def test_what_is_rejected_is_shown_and_exits_with_1(url: str, tmp_path: Path) -> None:
    file = tmp_path / "journal.csv"
    file.write_text(csv_of("7 | 2026-01-01 | x | a | 10.00 | EUR", "7 | 2026-01-01 | x | b | -9.00 | EUR"))
    result = run("import", file, "--url", url)
    assert result.exit_code == 1
    assert "unbalanced" in result.stdout


@pytest.mark.parametrize("command", ["import", "check"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"a;b\n1;2\n", b"\x00\x01"])
def test_a_file_of_something_else_is_one_sentence(url: str, tmp_path: Path, command: str, content: bytes) -> None:
    file = tmp_path / "journal.csv"
    file.write_bytes(content)
    result = run(command, file, "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "hledger" in result.stderr


def test_a_file_without_a_transaction_is_not_a_success(url: str, tmp_path: Path) -> None:
    file = tmp_path / "journal.csv"
    file.write_text(csv_of())
    assert run("import", file, "--url", url).exit_code == 1


def test_a_missing_file_and_a_missing_api_are_one_sentence(tmp_path: Path) -> None:
    missing = run("import", tmp_path / "none.csv")
    assert (missing.exit_code, "none.csv" in missing.stderr) == (2, True)
    stopped = run("import", SAMPLE, "--url", f"http://127.0.0.1:{free_port()}")
    assert (stopped.exit_code, "make run" in stopped.stderr) == (2, True)
    assert "secret" not in stopped.output
