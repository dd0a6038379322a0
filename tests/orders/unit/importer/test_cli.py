"""The command line: what it prints, what it exits with, and what it says when it cannot begin."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from tests.orders.unit.importer.fake_api import FakeApi, Fault, cut, interrupting, refused
from tests.orders.unit.importer.files import SAMPLE
from tests.orders.unit.importer.rows import csv_line
from typer.testing import CliRunner, Result

from banyan_tools.local.ports import free_port
from orders.tools.importer.cli import app
from orders.tools.importer.reading import HEADER

SENT = {"create": 17, "add": 4, "pay": 17, "cancel": 6}


def run(*arguments: object, token: str | None = "secret") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"TOKEN": token, "COLUMNS": "100"})


def test_the_sample_is_imported_and_reported(url: str, remote: FakeApi) -> None:
    result = run(SAMPLE, "--url", url)
    assert result.exit_code == 0
    assert len(remote.orders) == 17
    for told in ("lines", "rejected: bad date", "credit notes unmatched", "2011-03-03", "656.28"):
        assert told in result.stdout


def test_the_report_comes_as_json(url: str) -> None:
    result = run(SAMPLE, "--url", url, "--json")
    report = json.loads(result.stdout)
    assert report["sent"] == {kind: {"now": count, "before": 0} for kind, count in SENT.items()}
    assert (report["linesRead"], report["accepted"], report["credited"]) == (68, 40, 18)
    assert (report["gross"], report["net"]) == ("901.84", "656.28")


def test_a_second_import_says_that_all_was_done_before(url: str, remote: FakeApi) -> None:
    run(SAMPLE, "--url", url)
    first = dict(remote.orders)
    report = json.loads(run(SAMPLE, "--url", url, "--json").stdout)
    assert report["sent"] == {kind: {"now": 0, "before": count} for kind, count in SENT.items()}
    assert remote.orders == first


def test_a_failure_is_reported_with_its_code_and_exits_with_1(url: str, remote: FakeApi) -> None:
    remote.fail("/orders/900003/pay", refused(422, "amount_mismatch"))
    result = run(SAMPLE, "--url", url)
    assert result.exit_code == 1
    assert "amount_mismatch" in result.stdout
    assert "900003" in result.stdout


def test_a_file_without_an_order_is_reported_too(url: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text(f"{HEADER}\n{csv_line('C1 A -1 8:00 1')}\n")
    result = run(file, "--url", url)
    assert (result.exit_code, "0.00" in result.stdout) == (1, True)
    assert "Nothing was imported" in result.stderr


def test_a_byte_order_mark_is_no_part_of_the_header(url: str, tmp_path: Path) -> None:
    file = tmp_path / "marked.csv"
    file.write_text(f"{HEADER}\n{csv_line('1 A 1 8:00 1')}\n", encoding="utf-8-sig")
    assert run(file, "--url", url).exit_code == 0


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("\x1b]0;owned\x07", "�]0;owned"),
        ("\x1b[31mred", "�[31mred"),
        ("a\u202eb", "a�b"),
        ("[/bold]", "[/bold]"),
        ("[link=http://a.example]x[/link]", "[link=http://a.example]x[/link]"),
    ],
)
def test_the_name_of_a_column_is_printed_and_never_obeyed(url: str, tmp_path: Path, name: str, printed: str) -> None:
    file = tmp_path / "column.csv"
    file.write_text(f"{HEADER},{name}\n{csv_line('1 A 1 8:00 1')},\n")
    result = run(file, "--url", url)

    assert result.exit_code == 0, result.exception
    assert printed in result.stdout
    assert [c for c in result.stdout.replace("\n", "") if not c.isprintable()] == []


def test_bytes_that_are_no_text_do_no_harm(url: str, tmp_path: Path, remote: FakeApi) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes(f"{HEADER}\r\n{csv_line('1 A 1 8:00 1').replace(',,', ',£1 BOX,', 1)}\r\n".encode("latin-1"))
    assert run(file, "--url", url).exit_code == 0
    assert list(remote.orders) == ["1"]


def test_a_server_that_is_not_up_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run(SAMPLE, "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{url} is not running: start it with `make run`, or name another with URL=.\n"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_import_can_be_finished(url: str, remote: FakeApi) -> None:
    remote.fail("/orders/900003/items", interrupting(remote))
    result = run(SAMPLE, "--url", url, "--workers", 1)
    assert (result.exit_code, result.stdout, "resumes where it stopped" in result.stderr) == (130, "", True)
    assert len(remote.orders) < 17
    assert run(SAMPLE, "--url", url).exit_code == 0
    assert len(remote.orders) == 17


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (refused(401, "unauthorized"), "refused the token"),
        (refused(403, "forbidden_tenant"), "refused the token"),
        (refused(404, "not_found"), "cannot list orders, so it serves another domain: choose with `make run DOMAIN=`."),
        (refused(500, "internal"), "internal: as told"),
        (cut, "does not answer"),
    ],
)
def test_an_api_that_cannot_be_used_is_one_sentence(url: str, remote: FakeApi, fault: Fault, told: str) -> None:
    remote.fail("/orders", fault)
    result = run(SAMPLE, "--url", url)
    assert (result.exit_code, len(result.stderr.splitlines()), remote.orders) == (2, 1, {})
    assert told in result.stderr


@pytest.mark.parametrize(("content", "told"), [("a,b\n", "InvoiceNo,StockCode"), (None, "No such file")])
def test_a_file_that_cannot_be_imported_is_one_sentence(tmp_path: Path, content: str | None, told: str) -> None:
    file = tmp_path / "other.csv"
    if content:
        file.write_text(content)
    result = run(file)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert told in result.stderr


def test_the_token_given_is_sent_and_never_printed(url: str, remote: FakeApi) -> None:
    result = run(SAMPLE, "--url", url, token="s3cr3t")
    assert {headers["Authorization"] for _, _, headers in remote.requests} == {"Bearer s3cr3t"}
    assert "s3cr3t" not in result.output


def test_without_a_token_one_of_the_local_stack_is_made(
    url: str, remote: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(SAMPLE, "--url", url, "--tenant", "globex", token=None)
    token = remote.posts("/orders")[0]["Authorization"].removeprefix("Bearer ")
    assert jwt.decode(token, options={"verify_signature": False})["tenant"] == "globex"
