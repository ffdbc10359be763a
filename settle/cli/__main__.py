"""`python -m settle.cli`: the same as `settle`."""

from __future__ import annotations

from settle.cli.main import main

raise SystemExit(main())
