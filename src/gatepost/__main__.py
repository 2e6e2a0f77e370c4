"""`python -m gatepost`: the same as the command `gatepost`."""

from gatepost.cli import main

raise SystemExit(main())
