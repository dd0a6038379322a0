"""Everything the engine keeps in DynamoDB."""
