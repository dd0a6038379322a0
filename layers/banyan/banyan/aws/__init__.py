"""Everything that knows AWS: settings, clients, HTTP, streams and observability."""

from banyan.aws.logs import silence_the_sdk

silence_the_sdk()
