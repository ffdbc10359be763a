"""`python -m abci_app`."""

from __future__ import annotations

from abci_app.server.main import main

raise SystemExit(main())
