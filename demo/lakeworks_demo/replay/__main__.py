"""`python -m lakeworks_demo.replay`."""

from lakeworks_demo.replay.server import main

main()
