"""`python -m banyan_tools.cli`, which the file `banyan` in the root of the project runs."""

from banyan_tools.cli.app import main

main()
