"""`python -m monitor.cli` is `outerloop`."""

from monitor.cli import main

main()
