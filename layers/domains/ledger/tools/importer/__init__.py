"""Posts a journal of hledger through the HTTP API, and compares balances: reading, planning, sending, a file each."""
