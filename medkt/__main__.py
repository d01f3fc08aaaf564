"""`python -m medkt` is `medkt`."""

from medkt.cli import main

main()
