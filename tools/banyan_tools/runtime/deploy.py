"""Deploys what was built: python -m banyan_tools.runtime.deploy [STAGE].

CloudFormation cannot look into Python: whether a domain needs the reactor is found out here.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from banyan.adapters.settings import read_domain_settings
from banyan.domain import load_domain
from banyan.errors import ConfigurationError
from banyan_tools.local.errors import StackError
from banyan_tools.local.template import read
from banyan_tools.project import ROOT, TEMPLATE
from banyan_tools.runtime.build import CONFIG
from banyan_tools.runtime.emulator import SAM_VENV

REACTIONS: Final = "Reactions"


def overrides(root: Path, stage: str) -> Mapping[str, str]:
    """The parameters of a deployment: as ``samconfig.toml`` gives them, and ``Reactions`` as its domains need it.

    Raises
    ------
    StackError
        There is no such deployment.
    ConfigurationError
        The domain cannot be loaded, or has no such settings.
    """
    deployments = tomllib.loads((root / CONFIG).read_text())
    if stage not in deployments:
        raise StackError(f"{CONFIG} has no deployment {stage!r}.")
    found = deployments[stage].get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    pairs = shlex.split(found) if isinstance(found, str) else found
    given = {name: value.strip('"') for name, value in (each.split("=", 1) for each in pairs)}
    defaults = {name: str(each["Default"]) for name, each in read(root / TEMPLATE)["Parameters"].items()}
    asked = defaults | given
    domain = load_domain(asked["Domain"])
    domain.with_settings(read_domain_settings(domain, {"BANYAN_DOMAIN_SETTINGS": asked["DomainSettings"]}))
    needed = domain.reactions or asked["Traces"] == "on"
    return {REACTIONS: "on" if needed else "off"} | given


def main() -> int:
    """Run ``sam deploy``; its exit code, or 1 when the deployment cannot be begun."""
    stage = sys.argv[1] if len(sys.argv) > 1 else "default"
    try:
        given = [f'{name}="{value}"' for name, value in overrides(ROOT, stage).items()]
    except (ConfigurationError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    command: list[str | Path] = [
        SAM_VENV / "bin" / "sam",
        "deploy",
        "--config-env",
        stage,
        "--parameter-overrides",
        *given,
    ]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}).returncode


if __name__ == "__main__":
    sys.exit(main())
