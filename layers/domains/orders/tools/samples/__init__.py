"""Sample orders, and the sample events in ``events/`` that are made of them."""
