"""A copy of the source that bugs are planted in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from banyan_tools.mutants.operators import Mutation

ROOT = Path(__file__).parents[3]
SLOWER = 3
"""A bug may make the tests so much slower; then they hang, which is noticed."""
SPARE_SECONDS = 30


class Scratch:
    """The files under version control, as they stand in the working tree, and what the tests say about them.

    Parameters
    ----------
    tree : Path
        An empty folder.
    environment : Mapping[str, str]
        For the tests.
    """

    def __init__(self, tree: Path, environment: Mapping[str, str]) -> None:
        self.tree = tree
        self._environment = {**os.environ, **environment}
        self._seconds: float | None = None
        listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, text=True)
        for name in filter(None, listed.split("\0")):
            if (source := ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, tree / name)
        installed = Path("tools/dynamodb-local/node_modules")
        if (ROOT / installed).exists():
            (tree / installed).symlink_to((ROOT / installed).resolve())

    def passes(self, tests: Sequence[str]) -> bool:
        """Whether the tests pass without a bug; how long they take is the measure for those with one."""
        began = time.monotonic()
        passed = self._run(tests, None)
        self._seconds = time.monotonic() - began
        return passed

    def notices(self, file: Path, bug: Mutation, tests: Sequence[str]) -> bool:
        """Whether the tests fail, or hang, with a bug."""
        path = self.tree / file
        kept, times = path.read_text(), path.stat()
        path.write_text(bug.of(kept))
        try:
            return not self._run(tests, SPARE_SECONDS + SLOWER * (self._seconds or 0))
        finally:
            path.write_text(kept)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _run(self, tests: Sequence[str], seconds: float | None) -> bool:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        process = subprocess.Popen(
            [*command, *(f"tests/{test}" for test in tests)],
            cwd=self.tree,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
