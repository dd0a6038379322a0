"""The OpenAPI document as it is kept, which ``unit/http/test_openapi.py`` holds to the routes."""

from __future__ import annotations

import json
from typing import Final

from banyan_tools.project import ROOT

KEPT: Final = ROOT / "docs" / "openapi.json"
DOCUMENT: Final = json.loads(KEPT.read_text())
