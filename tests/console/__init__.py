"""The console in a browser. A package, so that stacks and the browser are shared by its modules alone."""
