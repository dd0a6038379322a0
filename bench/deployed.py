"""What ``make build`` builds, but with wheels for this machine, to be started under Lambda's emulator."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Final

from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.errors import StackError
from banyan_tools.local.services import create_services
from banyan_tools.local.tables import create_tables
from banyan_tools.local.template import Resource, Template
from banyan_tools.project import ROOT
from banyan_tools.runtime.backend import Backend, moto
from banyan_tools.runtime.build import compile_code, finish, pythons
from banyan_tools.runtime.emulator import Emulator
from banyan_tools.runtime.sandbox import load_template

FOLDER: Final = ROOT / ".aws-sam" / "bench"
LOCK: Final = ROOT / "layers" / "banyan" / "requirements.txt"
PLATFORMS: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
SDK: Final = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
HELLO: Final = """
import json, os, uuid
import boto3

dynamodb = boto3.client("dynamodb")

def handler(event, context):
    item = {"stream": {"S": f"hello:order:{uuid.uuid4()}"}, "position": {"N": "1"}, "events": {"S": event["body"]}}
    dynamodb.put_item(TableName=os.environ["EVENTS_TABLE"], Item=item)
    return {"statusCode": 201, "body": json.dumps({"version": 1})}
"""
"""The least that a function does to keep an order: the SDK's client as everyone makes it, and one write."""


@dataclass(frozen=True)
class Deployed:
    """The functions as built, on tables of their own.

    Parameters
    ----------
    folder : Path
        Where the build is.
    backend : Backend
        Answers for the AWS services.
    """

    folder: Path
    template: Template
    backend: Backend

    def function(self, name: str) -> Emulator:
        """A function of the template by its logical id, not started."""
        layers = [self.folder / layer / "python" for layer in ("BanyanLayer", "DomainsLayer")]
        return self._emulator(self._function(name), self.folder / name, layers)

    def hello(self, *, compiled: bool) -> Emulator:
        """A function that writes one item, as ``sam build`` ships it, or compiled."""
        return self._emulator(self._function("CommandApi"), FOLDER / ("hello-compiled" if compiled else "hello"), [])

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Logical id of each function, by its folder in ``functions``."""
        functions = self.template.resources("AWS::Lambda::Function")
        return {Path(f.properties["Code"]["S3Key"]).name: f.logical_id for f in functions}

    def _function(self, name: str) -> Resource:
        return next(f for f in self.template.resources("AWS::Lambda::Function") if f.logical_id == name)

    def _emulator(self, function: Resource, code: Path, layers: list[Path]) -> Emulator:
        moved = replace(function, properties={**function.properties, "Code": {"S3Key": str(code)}})
        isolation = {name: value for name, value in ISOLATION.items() if value is not None}
        paths = {"PYTHONPATH": ":".join(map(str, layers)), "PYTHONDONTWRITEBYTECODE": "1"}
        return Emulator(moved, ROOT, {**isolation, **self.backend.variables, **paths}, str(runtime()))


@contextmanager
def deployed() -> Iterator[Deployed]:
    """Build what is deployed, and run the services that it calls: DynamoDB Local, and moto for the others."""
    template, folder = load_template(), FOLDER / "build"
    quietly(sys.executable, "-m", "banyan_tools.runtime.build", folder)
    use_wheels_of_this_machine(folder / "BanyanLayer")
    build_hello(FOLDER / "hello")
    compile_code(next(pythons()), shutil.copytree(FOLDER / "hello", FOLDER / "hello-compiled", dirs_exist_ok=True))
    with moto() as others, DynamoDBLocal() as server:
        backend = Backend(server.endpoint, others)
        with environment({**ISOLATION, **backend.variables}):
            create_tables(template.resources("AWS::DynamoDB::Table"))
            create_services(template)
        yield Deployed(folder, template, backend)


def quietly(*command: str | Path) -> None:
    """Run a command, and show what it says only where it fails.

    Raises
    ------
    StackError
        With the last line of it.
    """
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.stderr.write(done.stdout)
        raise StackError((done.stdout.strip().splitlines() or [f"{command[0]} failed."])[-1])


def use_wheels_of_this_machine(layer: Path) -> None:
    """Replace a layer's requirements, which are built for arm64, by the same versions for this machine."""
    pip(layer / "python", "--upgrade", "--require-hashes", "-r", LOCK)
    finish(next(pythons()), layer)


def build_hello(folder: Path) -> None:
    """Make the folder of a function that writes one item, with the SDK in the layer's version."""
    pip(folder, "--upgrade", *(f"{name}=={metadata.version(name)}" for name in SDK))
    (folder / "app.py").write_text(HELLO)


def pip(target: Path, *arguments: str | Path) -> None:
    """Install wheels for the functions' Python and this machine into a folder, as ``sam build`` does: not compiled."""
    wanted = [f"--platform={prefix}_{platform.machine()}" for prefix in PLATFORMS]
    wanted += ["--python-version=3.13", "--only-binary=:all:", "--no-deps", "--no-compile", "--quiet"]
    wanted += ["--disable-pip-version-check", f"--target={target}"]
    quietly(runtime(), "-m", "pip", "install", *wanted, *arguments)


def runtime() -> Path:
    """The functions' Python with AWS's runtime client, in an environment of its own."""
    python = FOLDER / "runtime" / "bin" / "python"
    if not python.exists():
        quietly(next(pythons()), "-m", "venv", FOLDER / "runtime")
        client = f"awslambdaric=={metadata.version('awslambdaric')}"
        quietly(python, "-m", "pip", "install", "--quiet", client)
    return python


def function_process() -> int:
    """The process of the function that runs now: the one child of this process's children that runs awslambdaric."""
    found = [pid for pid in grandchildren(os.getpid()) if b"awslambdaric" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    (pid,) = found
    return pid


def grandchildren(pid: int) -> Iterator[int]:
    """Children of a process's children."""
    for child in children(pid):
        yield from children(child)


def children(pid: int) -> list[int]:
    """Children of a process."""
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
