"""The layer of the domains: whole, without tools, with what each domain requires, fetched by digest."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from banyan_tools.project import ROOT

MAKEFILE = ROOT / "layers" / "domains" / "Makefile"
WHEEL = "greeting-1.0-py3-none-any.whl"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    """Two domains, one of which requires a library that lies beside them."""
    folder = tmp_path / "domains"
    for file in ("loans/__init__.py", "loans/tools/__init__.py", "shelves/__init__.py", "shelves/rules/deep.py"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    shutil.copy(MAKEFILE, folder)
    with ZipFile(tmp_path / WHEEL, "w") as wheel:
        wheel.writestr("greeting.py", "HELLO = 'hello'\n")
        for name, text in METADATA.items():
            wheel.writestr(f"greeting-1.0.dist-info/{name}", text)
    require(folder, sha256((tmp_path / WHEEL).read_bytes()).hexdigest())
    return folder


def require(folder: Path, digest: str) -> None:
    (folder / "loans" / "requirements.txt").write_text(f"greeting==1.0 --hash=sha256:{digest}\n")


def built(folder: Path) -> tuple[int, set[str]]:
    """Exit code of the build, and the files in its layer that Lambda would import."""
    layer = folder.parent / "layer"
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder.parent), "ARTIFACTS_DIR": str(layer)}
    python = f"PYTHON={ROOT / '.venv' / 'bin' / 'python'}"
    command = ["make", "-C", str(folder), "build-DomainsLayer", python]
    done = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    return done.returncode, {str(file.relative_to(layer / "python")) for file in layer.rglob("*.py")}


def test_a_layer_holds_each_domain_without_its_tools_and_with_its_libraries(domains: Path) -> None:
    wanted = {"loans/__init__.py", "shelves/__init__.py", "shelves/rules/deep.py", "greeting.py"}
    assert built(domains) == (0, wanted)


def test_a_library_with_another_digest_is_refused(domains: Path) -> None:
    require(domains, "0" * 64)
    code, files = built(domains)
    assert (code != 0, "greeting.py" in files) == (True, False)
