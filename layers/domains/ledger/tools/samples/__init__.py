"""A small book, and the sample events in ``events/ledger`` that are made of it."""
