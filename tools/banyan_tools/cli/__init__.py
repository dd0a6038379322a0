"""The `banyan` command: what an operator sees and does, over the admin API of any stack."""
