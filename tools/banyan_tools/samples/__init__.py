"""What the sample events of a domain are made with: requests, records, schedules and messages, as AWS shapes them."""
