"""Starts each contestant in a process of its own, and asks it to act."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from banyan_tools.local.physical import REGION
from banyan_tools.project import ROOT
from bench.proxy import CountingProxy

PEERS: Final = ROOT / ".bench-peers"
SCRIPTS: Final = ROOT / "bench" / "peers"


@dataclass(frozen=True)
class Entry:
    """What takes part.

    Parameters
    ----------
    command : Sequence[str | Path]
        The last part is its script.
    folder : Path
        Where its packages lie; it is left out while that is missing.
    package : str
        What its version is looked up by.
    remote : bool
        Whether it stores in DynamoDB.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    package: str
    remote: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether it can take part."""
        return (self.folder / ".installed").exists()

    @property
    def version(self) -> str:
        """The version that takes part."""
        manifest = self.folder / "node_modules" / self.package / "package.json"
        if manifest.exists():
            return str(json.loads(manifest.read_text())["version"])
        pattern = f"lib/*/site-packages/{self.package.replace('-', '_')}-*.dist-info"
        return next(self.folder.glob(pattern)).name.removesuffix(".dist-info").rpartition("-")[2]


def _python(name: str, script: str, *, folder: str = "", remote: bool = True, **environ: str) -> Entry:
    home = PEERS / (folder or name)
    return Entry(name, (home / "bin" / "python", SCRIPTS / script), home, home.name, remote, environ)


ENVIRONMENT: Final = ROOT / ".venv" / "bin"
BANYAN: Final = Entry("Banyan", (ENVIRONMENT / "python", SCRIPTS / "run_banyan.py"), ENVIRONMENT, "")
CASTORE: Final = Entry(
    name="castore",
    command=("node", "--no-warnings", SCRIPTS / "run_castore.mjs"),
    folder=PEERS / "castore",
    package="@castore/event-storage-adapter-dynamodb",
)
AETT: Final = _python("aett", "run_aett.py")
EVENTSOURCING: Final = _python("eventsourcing on SQLite", "run_eventsourcing.py", folder="eventsourcing", remote=False)
EVENTSOURCING_DYNAMODB: Final = _python(
    "eventsourcing-dynamodb", "run_eventsourcing.py", PERSISTENCE_MODULE="eventsourcing_dynamodb"
)
PEER_ENTRIES: Final = (CASTORE, AETT, EVENTSOURCING_DYNAMODB, EVENTSOURCING)


def why_not(folder: Path) -> str:
    """Why something is not installed: the last line of what its installation said."""
    reason = folder.with_name(f"{folder.name}.reason")
    said = reason.read_text().strip().splitlines() if reason.exists() else []
    return said[-1] if said else "it is not installed"


class ContestantFailed(Exception):
    """A contestant ended, or never began."""


@dataclass(frozen=True)
class Took:
    """What an action answered, and its seconds."""

    wall: float
    cpu: float
    answer: Any


class Contestant:
    """A process that acts when it is asked to.

    Parameters
    ----------
    endpoint : str
        Of DynamoDB, or of the proxy in front of it.
    """

    def __init__(self, entry: Entry, endpoint: str, table: str) -> None:
        self.entry = entry
        self.name = entry.name
        environ = {
            **os.environ,
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "local"),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "BENCH_ENDPOINT": endpoint,
            "BENCH_TABLE": table,
            "PYTHONPATH": f"{ROOT}:{ROOT}/layers/banyan" if entry is BANYAN else str(ROOT),
            **entry.environ,
        }
        self._process = subprocess.Popen(
            [str(part) for part in entry.command],
            cwd=entry.folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def ask(self, action: str, **parameters: Any) -> Took:
        """Let it act.

        Raises
        ------
        ContestantFailed
            It says why, or what it printed to the screen does.
        """
        assert self._process.stdin
        try:
            print(json.dumps({"do": action, **parameters}), file=self._process.stdin, flush=True)
        except BrokenPipeError as error:
            raise ContestantFailed(f"{self.name} ended") from error
        answer = self._answer()
        if "error" in answer:
            raise ContestantFailed(f"{self.name} says {answer['error']}")
        return Took(**answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ContestantFailed(f"{self.name} ended with {self._process.wait()}")
        return json.loads(line)


@dataclass(frozen=True)
class Lineup:
    """Everything that takes part, each with a connection of its own and one through the counting proxy."""

    direct: Mapping[str, Contestant]
    counted: Mapping[str, Contestant]
    proxy: CountingProxy
    left_out: Sequence[str]

    @property
    def banyan(self) -> Contestant:
        """Banyan, and the bare SDK under it."""
        return self.direct[BANYAN.name]

    @property
    def peers(self) -> Sequence[Contestant]:
        """All but Banyan."""
        return [each for each in self.direct.values() if each.entry is not BANYAN]

    def count(self, name: str, action: str, **parameters: Any) -> tuple[Took, int, float, float]:
        """What an action took through the proxy, its requests, and read and write units."""
        self.proxy.clear()
        took = self.counted[name].ask(action, **parameters)
        return took, self.proxy.requests.total(), self.proxy.read_units, self.proxy.write_units


@contextmanager
def lineup(endpoint: str, table: str) -> Iterator[Lineup]:
    """Start all that are installed."""
    entries = [BANYAN, *(entry for entry in PEER_ENTRIES if entry.installed)]
    missing = [f"{each.name}: {why_not(each.folder)}" for each in PEER_ENTRIES if not each.installed]
    with ExitStack() as stack:
        proxy = stack.enter_context(CountingProxy(endpoint).serving())
        direct = {each.name: stack.enter_context(Contestant(each, endpoint, table)) for each in entries}
        counted = {
            each.name: stack.enter_context(Contestant(each, proxy.endpoint, table)) for each in entries if each.remote
        }
        yield Lineup(direct, counted, proxy, missing)
