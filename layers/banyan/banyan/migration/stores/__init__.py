"""Legacy systems: the port, and its stores."""
