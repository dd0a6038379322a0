"""Fills a legacy order system with an Online Retail CSV, as the program that is to be replaced did it."""
