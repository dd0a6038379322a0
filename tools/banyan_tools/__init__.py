"""Tools for developers: the local stack and the importers. Nothing in here is ever deployed."""
