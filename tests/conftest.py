"""Fixtures for all tests: the engines an event store can stand on."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

import botocore.httpsession
import pytest
import typer.testing
from tests.support.clocks import EVERYTHING
from tests.support.engines import DynamoDBEngine, Engine, MemoryEngine, local_tables, moto_tables
from tests.support.examples import be_patient
from tests.support.postgres import Server

from banyan.adapters.observability import logger
from banyan_tools.contracts import DOMAINS, domains
from banyan_tools.local.dynamodb_local import DynamoDBLocal, unavailable
from banyan_tools.local.errors import StackError
from banyan_tools.local.postgres import embedded_postgres
from banyan_tools.project import ROOT

REQUIRE = "BANYAN_REQUIRE_DYNAMODB_LOCAL"
REQUIRE_POSTGRES = "BANYAN_REQUIRE_POSTGRES"
LOCAL = pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)
MOTO = "moto" if unavailable() else pytest.param("moto", marks=pytest.mark.slow)
"""Slow where DynamoDB Local can run: it is stricter, and every contract suite runs on it."""
SHARED = "BANYAN_TESTS_SHARE_DYNAMODB_LOCAL"
"""Where the workers of one run find the server that was started for all of them."""
OF_MAKE = ("MAKEFLAGS", "MFLAGS", "ARGS", "DOMAIN")
"""Say to make which tests to run: a make that a test runs is not meant."""
STARTED = pytest.StashKey[DynamoDBLocal]()

OF_NO_DOMAIN = {"console", "contract", "docs", "infrastructure", "integration", "support", "unit", "__pycache__"}
ORPHANED = sorted(
    folder.name
    for folder in Path(__file__).parent.iterdir()
    if folder.is_dir() and folder.name not in {*OF_NO_DOMAIN, *domains(ROOT / DOMAINS)}
)
"""Tests of a domain that was taken out."""

be_patient()

collect_ignore = ORPHANED


def pytest_report_header() -> list[str]:
    """Say what is left out, and why."""
    return [f"tests/{name} is left out: there is no {DOMAINS / name}" for name in ORPHANED]


def pytest_configure(config: pytest.Config) -> None:
    """Start one DynamoDB Local for all workers: each would need seconds to start and to warm up its own."""
    for name in OF_MAKE:
        os.environ.pop(name, None)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, config.getini("pythonpath")))
    if config.getoption("numprocesses", None) and not config.option.collectonly and not unavailable():
        with suppress(StackError):
            server = config.stash[STARTED] = DynamoDBLocal().start()
            os.environ[SHARED] = server.endpoint


def pytest_sessionstart() -> None:
    """Open the log, which opened within a test would write to an output that ends with it; make what is made once.

    That is a command line, which Typer would build for each run of it, and botocore's context of TLS.
    """
    logger()
    typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]
    botocore.httpsession.create_urllib3_context = cache(botocore.httpsession.create_urllib3_context)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the collector of garbage, which would look again and again at what stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what was imported and collected: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if server := config.stash.get(STARTED, None):
        server.stop()


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    """Endpoint of one DynamoDB Local for the whole session; it listens on every interface."""
    if missing := unavailable():
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    if shared := os.environ.get(SHARED):
        yield shared
        return
    with DynamoDBLocal() as server:
        yield server.endpoint


@pytest.fixture(scope="session")
def dynamodb_endpoint(request: pytest.FixtureRequest) -> str | None:
    """Endpoint of DynamoDB Local where it can run or must, else None, for moto."""
    if unavailable() and os.environ.get(REQUIRE) != "1":
        return None
    endpoint: str = request.getfixturevalue("dynamodb_local_endpoint")
    return endpoint


@pytest.fixture
def memory() -> MemoryEngine:
    """Tables in dictionaries."""
    return MemoryEngine()


@pytest.fixture
def moto() -> Iterator[DynamoDBEngine]:
    """Tables in moto."""
    with moto_tables() as engine:
        yield engine


@pytest.fixture
def dynamodb_local(dynamodb_local_endpoint: str) -> Iterator[DynamoDBEngine]:
    """Tables in DynamoDB Local."""
    with local_tables(dynamodb_local_endpoint) as engine:
        yield engine


@pytest.fixture(params=["memory", MOTO, LOCAL])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    chosen: Engine = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(params=["moto", LOCAL] if EVERYTHING else [pytest.param(None, id="dynamodb")])
def dynamodb(request: pytest.FixtureRequest, dynamodb_endpoint: str | None) -> DynamoDBEngine:
    """DynamoDB Local where it can run, else moto, which the contract suites hold to the same; each for everything."""
    chosen: DynamoDBEngine = request.getfixturevalue(
        request.param or ("dynamodb_local" if dynamodb_endpoint else "moto")
    )
    return chosen


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL for the whole session."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(embedded_postgres())
        except Exception as error:
            if os.environ.get(REQUIRE_POSTGRES) == "1":
                raise
            pytest.skip(f"PostgreSQL does not start here: {error}")
        yield server
