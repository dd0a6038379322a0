"""Everything that knows AWS: settings, clients, HTTP, streams and observability."""
