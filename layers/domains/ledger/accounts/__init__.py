"""Accounts: what they hold, and what is held back of it for transfers that are pending."""
