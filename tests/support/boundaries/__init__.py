"""Well-known exercises of consistency over several streams, as docs/consistency-boundaries.md shows them."""
