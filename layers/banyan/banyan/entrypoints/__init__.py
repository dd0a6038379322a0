"""What AWS calls: HTTP requests, stream batches, schedules and queues."""
