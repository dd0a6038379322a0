"""The API of the platform's operator."""

from __future__ import annotations

from banyan.bootstrap import Application
from banyan.entrypoints.admin import OTHERS, ROUTERS
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.identity import ADMIN


def admin_api(application: Application) -> Api:
    """The API for tokens with the scope ``banyan/admin``."""
    shown = ROUTERS if application.settings.console_contents == "on" else OTHERS
    return Api(application, *shown, scope=ADMIN)
