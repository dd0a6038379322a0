"""Questions about the ledger, answered by read models alone: none of them reads the event table."""
