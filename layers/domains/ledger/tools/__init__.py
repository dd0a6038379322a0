"""Tools of the ledger, never deployed."""
