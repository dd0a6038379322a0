"""The HTTP API: from a request to an answer."""
