"""The console: the page on which an operator sees and does in a browser what the operator's API offers."""
