"""The way out of a legacy system: step by step, with proof at each step, and back at any time."""
