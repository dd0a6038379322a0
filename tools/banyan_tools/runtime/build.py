"""Builds what is deployed: python -m banyan_tools.runtime.build [FOLDER]."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.errors import StackError
from banyan_tools.project import ROOT
from banyan_tools.runtime.emulator import SAM_VENV

DEFAULT_FOLDER = ROOT / ".aws-sam" / "build"
RUNTIME = "python3.13"
CONFIG = "samconfig.toml"
SETTINGS = "of-samconfig"
"""Stands in the template for the digest of the settings: SAM publishes a new version when a function's text changes."""
PYENV = "versions/3.13*/bin/python3.13"
WHEELS = {
    "PIP_ONLY_BINARY": ":all:",
    "PIP_PLATFORM": "manylinux_2_28_aarch64 manylinux_2_17_aarch64 manylinux2014_aarch64",
    "PIP_PYTHON_VERSION": "3.13",
}
"""Makes pip fetch the functions' own wheels at once, by digest; the SAM CLI would fetch them again by version alone."""

KEPT_SERVICES = frozenset({"dynamodb", "events", "kinesis", "lambda", "s3", "secretsmanager", "sqs"})


def build(folder: Path) -> None:
    """Build every function and layer into a folder, compiled, and without AWS services that nothing calls.

    The SAM CLI looks for its settings beside the template that it is given, so they lie beside the built one, too.

    Raises
    ------
    StackError
        The SAM CLI or the runtime's Python is missing, or the build failed.
    """
    if missing := unavailable():
        raise StackError(missing)
    python = next(pythons())
    path = f"{python.parent}:{os.environ['PATH']}"
    settings = (
        {name: value for name, value in ISOLATION.items() if value} | {"SAM_CLI_TELEMETRY": "0", "PATH": path} | WHEELS
    )
    command: list[str | Path] = [SAM_VENV / "bin" / "sam", "build", "--language-extensions", "--build-dir", folder]
    if subprocess.run(command, cwd=ROOT, env=os.environ | settings).returncode:
        raise StackError("The build failed: the SAM CLI says why above.")
    for part in filter(Path.is_dir, folder.iterdir()):
        finish(python, part)
    shutil.copy(ROOT / CONFIG, folder)
    template = folder / "template.yaml"
    template.write_text(
        template.read_text().replace(SETTINGS, hashlib.sha256((ROOT / CONFIG).read_bytes()).hexdigest())
    )


def finish(python: Path, part: Path) -> None:
    """Drop from a function or layer what nothing calls, and compile the rest."""
    data = part / "python" / "botocore" / "data"
    if data.is_dir():
        trim_sdk(data)
    compile_code(python, part)


def trim_sdk(data: Path) -> None:
    """Drop what botocore knows of services that nothing calls, and what it says to readers about the others.

    That is most of the layer, and a client parses the rest of it when it is made.
    """
    for service in data.glob("*/"):
        if service.name not in KEPT_SERVICES:
            shutil.rmtree(service)
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: partition["services"].get(name, {}) for name in sorted(KEPT_SERVICES)}
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    for model in data.glob("*/*/service-2.json.gz"):
        described = json.loads(gzip.decompress(model.read_bytes()))
        model.write_bytes(gzip.compress(json.dumps(undocumented(described)).encode(), mtime=0))


def undocumented(part: Any) -> Any:
    """A part of a service's description without its documentation; a member of that name is an object, and stays."""
    if isinstance(part, list):
        return [undocumented(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: undocumented(value)
        for name, value in part.items()
        if name != "documentation" or not isinstance(value, str)
    }


def compile_code(python: Path, part: Path) -> None:
    """Compile the code of a function or layer where it stands; otherwise each cold start does it again."""
    home = "/opt" if (part / "python").is_dir() else "/var/task"
    command: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        part,
        "-p",
        home,
        part,
    ]
    subprocess.run(command, check=True)


def unavailable() -> str | None:
    """Say what the build is missing on this machine, or None when it can run."""
    if not (SAM_VENV / "bin" / "sam").exists():
        return "The SAM CLI is not installed: run `make sam`."
    if next(pythons(), None) is None:
        return f"The build needs the functions' own {RUNTIME}: install it and put it on the PATH, or under pyenv."
    return None


def pythons() -> Iterator[Path]:
    """Interpreters of the functions' version that work, from the PATH and from pyenv."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = shutil.which(RUNTIME)
    for candidate in ([found] if found else []) + sorted(map(str, home.glob(PYENV)), reverse=True):
        answer = subprocess.run([candidate, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def main() -> int:
    """Build, and say in one sentence what is missing."""
    try:
        build(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else DEFAULT_FOLDER)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
