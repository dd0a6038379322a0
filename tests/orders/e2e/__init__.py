"""Through HTTP: the stack as its user runs it. A package, so that a stack can be shared by its modules alone."""
