"""Drills: what may happen to an operator, done to a running stack, and proof that nothing was lost by it."""
