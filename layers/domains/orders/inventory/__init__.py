"""The stock of one SKU: what there is, what is reserved, what was sold."""
