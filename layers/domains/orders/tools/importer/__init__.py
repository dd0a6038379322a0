"""Sends an Online Retail CSV through the HTTP API: reading, planning, sending and reporting, a file each."""
