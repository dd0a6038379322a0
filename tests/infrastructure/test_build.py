"""What is deployed: built for the functions' runtime, compiled, and small."""

from __future__ import annotations

import re
import subprocess
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.infrastructure.conftest import INGESTING

from banyan.entrypoints.console.page import FOLDER
from banyan_tools.contracts import domains as packages
from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.physical import REGION
from banyan_tools.project import ROOT
from banyan_tools.runtime.backend import moto
from banyan_tools.runtime.build import CONFIG, KEPT_SERVICES, build, pythons, unavailable
from banyan_tools.runtime.emulator import SAM_VENV
from banyan_tools.runtime.sandbox import load_template

LIMIT = 250 * 1024 * 1024
EXPECTED_AT_MOST = 30 * 1024 * 1024
CLIENTS = re.compile(r"""(?:client|resource)\(\s*"(\w+)\"""")


def size(folder: Path) -> int:
    """Bytes of everything in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.mark.sam
@pytest.mark.timeout(600)
@pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
def test_the_build_holds_what_the_template_names_and_runs_on_its_python(tmp_path: Path) -> None:
    build(tmp_path / "build")
    digest = sha256((ROOT / CONFIG).read_bytes()).hexdigest()
    assert f"settings: {digest}" in (tmp_path / "build" / "template.yaml").read_text(), "else no version is published"
    parts = {part.name: part for part in (tmp_path / "build").iterdir() if part.is_dir()}
    functions = load_template(**INGESTING).resources("AWS::Lambda::Function")
    assert parts.keys() == {f.logical_id for f in functions} | {
        "BanyanLayer",
        "DomainsLayer",
        "PostgresLayer",
        "TracingLayer",
        "Observability",
    }
    engine, domains = parts["BanyanLayer"] / "python", parts["DomainsLayer"] / "python"
    assert size(engine) + size(domains) < EXPECTED_AT_MOST < LIMIT
    assert {path.name.split(".")[1] for path in engine.rglob("*.so")} == {"cpython-313-aarch64-linux-gnu"}
    modules = [
        engine / "banyan" / "__init__.py",
        *(domains / name / "__init__.py" for name in packages(ROOT / "layers" / "domains")),
    ]
    assert {file.parent.name for file in domains.glob("*/__init__.py")} >= {*packages(ROOT / "layers" / "domains")}
    assert not [*domains.glob("*/tools"), *domains.glob("*.ini")], "tools are never deployed"
    modules += [parts[function.logical_id] / "app.py" for function in functions]
    assert all((file.parent / "__pycache__" / f"{file.stem}.cpython-313.pyc").is_file() for file in modules)
    page = engine / FOLDER.relative_to(ROOT / "layers" / "banyan")
    assert {file.relative_to(page) for file in page.rglob("*.*")} == {
        file.relative_to(FOLDER) for file in FOLDER.rglob("*.*")
    }
    check_client(engine)
    for layer, name in {"BanyanLayer": "banyan", "PostgresLayer": "postgres", "TracingLayer": "tracing"}.items():
        lock = (ROOT / "layers" / name / "requirements.txt").read_text()
        assert shipped(parts[layer] / "python") == dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock, re.M)), layer
    check_package(tmp_path)


def shipped(folder: Path) -> dict[str, str]:
    """Versions of the distributions in a folder, by normalized name."""
    found = metadata.distributions(path=[str(folder)])
    return {re.sub(r"[-_.]+", "-", each.name).lower(): each.version for each in found}


def check_package(folder: Path) -> None:
    """Package the build from elsewhere by its template's path alone: its settings lie beside it."""
    with moto() as url:
        variables = {name: value for name, value in ISOLATION.items() if value} | {"AWS_ENDPOINT_URL": url}
        with environment(ISOLATION | variables | {"SAM_CLI_TELEMETRY": "0"}):
            place: Any = {"LocationConstraint": REGION}
            boto3.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration=place)
            command: list[str | Path] = [SAM_VENV / "bin" / "sam", "package", "--s3-bucket", "artifacts"]
            command += ["--template-file", folder / "build" / "template.yaml", "--output-template-file", "packed.yaml"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    packed = (folder / "packed.yaml").read_text()
    assert packed.count("s3://artifacts/") > len(load_template().resources("AWS::Lambda::Function"))
    assert re.search(r"TemplateURL: https?://\S+\.template", packed)


def check_client(engine: Path) -> None:
    """Make a client with the built layer alone: what was dropped from it is not missed."""
    code = "import boto3; print(boto3.client('dynamodb', region_name='eu-central-1').meta.endpoint_url)"
    command = [str(next(pythons())), "-I", "-c", f"import sys; sys.path.insert(0, {str(engine)!r}); {code}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "https://dynamodb.eu-central-1.amazonaws.com", done.stderr


def test_every_aws_service_that_deployed_code_calls_is_kept() -> None:
    layers = [file for file in (ROOT / "layers").rglob("*.py") if "tools" not in file.relative_to(ROOT).parts]
    files = [*layers, *(ROOT / "functions").rglob("*.py")]
    assert {service for file in files for service in CLIENTS.findall(file.read_text())} == KEPT_SERVICES
