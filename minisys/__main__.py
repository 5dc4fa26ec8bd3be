"""`python -m minisys` is the command `minisys`, for when the latter is not on the path."""

from minisys.cli import main

main()
