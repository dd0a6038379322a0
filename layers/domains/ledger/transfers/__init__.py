"""Transfers: what moves amounts between accounts, and what becomes of it."""
