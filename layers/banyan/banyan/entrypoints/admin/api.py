"""The API of the platform's operator."""

from __future__ import annotations

from banyan.bootstrap import Application
from banyan.entrypoints.admin import OTHERS, ROUTERS
from banyan.entrypoints.console.page import ConsolePage
from banyan.entrypoints.console.sign_in import SignIn
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.identity import ADMIN


def admin_api(application: Application) -> Api:
    """The API for tokens with the scope ``banyan/admin``, and the page that shows it, without one."""
    shown = ROUTERS if application.settings.console_contents == "on" else OTHERS
    page = ConsolePage(SignIn(application.settings, clock=application.clock))
    return Api(application, *shown, page=page, scope=ADMIN)
