"""`python -m medkt` is `medkt`."""

from medkt.cli.app import main

main()
