"""What the engine calls: DynamoDB, the event bus, queues, settings and observability."""

from banyan.adapters.observability import silence_the_sdk

silence_the_sdk()
