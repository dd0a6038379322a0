"""What a domain will cost on AWS: a profile of its load in, units and dollars by component out."""
