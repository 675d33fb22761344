"""`python -m lakeworks`."""

from lakeworks.cli import main

main()
