"""`python -m harness.cli`, where the command is not installed."""

from harness.cli import main

main()
