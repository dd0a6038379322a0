"""Tools of the example: never deployed."""
