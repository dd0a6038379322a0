"""The one kind of error that a user of the local stack can put right."""


class StackError(Exception):
    """The stack cannot start. The message is one sentence that says what to do next."""
