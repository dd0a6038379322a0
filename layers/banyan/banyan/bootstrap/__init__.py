"""The composition root: builds an application out of settings, tables and a domain.

`application` has what every function needs; what only some need, and its imports, waits in the other modules until an
application is asked for it.
"""

from banyan.bootstrap.application import Application, bootstrap

__all__ = ["Application", "bootstrap"]
