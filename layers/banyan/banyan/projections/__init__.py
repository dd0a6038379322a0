"""Read models: what they are made of and how they are kept up to date."""
