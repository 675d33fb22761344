"""`python -m lakeworks_local.replay`."""

from lakeworks_local.replay.server import main

main()
