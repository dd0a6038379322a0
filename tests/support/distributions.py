"""Distributions as others get them: built here, installed into environments that hold nothing else."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13")
LOCK = ROOT / "requirements" / "dev.txt"
OWN = ("PYTEST_", "PYTHON", "MAKE", "MFLAGS", "VIRTUAL_ENV")


def interpreters() -> dict[str, Path]:
    """An interpreter that works for each supported version, from the PATH and from pyenv."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, Path] = {}
    for version in SUPPORTED:
        candidates = [Path(f"python{version}"), *sorted(home.glob(f"versions/{version}.*/bin/python3"), reverse=True)]
        working = (path for path in candidates if version_of(path) == version)
        found.update((version, path) for path in islice(working, 1))
    return found


def version_of(python: Path) -> str:
    """Major and minor version of an interpreter; empty when it does not run."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def built_wheels(folder: Path) -> Mapping[str, Path]:
    """Build every distribution of this repository; wheels by name."""
    command = ["make", "-s", "-C", str(ROOT), "wheels", f"WHEELS={folder}"]
    done = subprocess.run(command, env=environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {wheel.name.split("-")[0].replace("_", "-"): wheel for wheel in folder.glob("*.whl")}


def environ(**more: str) -> dict[str, str]:
    """This process's environment without what the test run put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN)} | more


class Environment:
    """A virtual environment.

    Parameters
    ----------
    python : Path
        Interpreter that it is made with.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        subprocess.run([python, "-m", "venv", folder], check=True)
        self._constraints = folder / "constraints.txt"
        pins = re.findall(r"^[a-z0-9-]+==[^ \\;]+(?: ; [^\\\n]+)?", LOCK.read_text(), re.MULTILINE)
        self._constraints.write_text("\n".join(pins))

    def install(self, *requirements: str) -> None:
        """Install requirements in the versions that are tested here."""
        command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint"]
        self.run(*command, str(self._constraints), *requirements)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """What Python writes; it must not fail."""
        done = subprocess.run(
            [self.python, *arguments], cwd=cwd, env=environ(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout
