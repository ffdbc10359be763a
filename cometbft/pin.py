"""Which CometBFT this chain runs, and how a binary is checked against it.

The version is fixed by `go.mod` and its content by `go.sum` beside this file (a test keeps the three in
step). To move the pin: change VERSION and go.mod, run `go mod tidy` in this folder, `make cometbft`, then the
network tests.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from cometbft.errors import NodeError

VERSION = "0.38.26"
"""Release of github.com/cometbft/cometbft, without the leading v. Nothing older than 0.38.25 is safe to run.
"""

ABCI_VERSION = "2.0.0"
"""What the node says in its Info request; the application refuses any other non-empty value."""

COMMAND = "github.com/cometbft/cometbft/cmd/cometbft"
"""The Go package that is built."""

GO_FILES = Path(__file__).parent
"""The folder of go.mod and go.sum."""

_ANSWER_SECONDS = 30


def oldest_go() -> tuple[int, ...]:
    """The oldest Go that can build the pinned node, from the `go` line of go.mod, as (1, 22, 11)."""
    line = re.search(r"^go (\d+(?:\.\d+)*)$", (GO_FILES / "go.mod").read_text(), re.MULTILINE)
    if line is None:
        raise NodeError(
            expected=f"a line 'go N.N.N' in {GO_FILES / 'go.mod'}",
            actual="none",
            next_step="restore the file",
        )
    return tuple(int(part) for part in line[1].split("."))


def check(binary: Path) -> None:
    """Raise NodeError unless `binary` runs here and is the pinned version (a commit after + may follow)."""
    wanted = f"CometBFT {VERSION} at {binary}"
    remedy = "run `make cometbft`, or name another binary in SETTLE_COMETBFT"
    try:
        answer = subprocess.run(
            [binary, "version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        )
    except FileNotFoundError:
        raise NodeError(expected=wanted, actual="no such file", next_step=remedy) from None
    except OSError as error:
        came = f"a file that does not run ({error.strerror})"
        raise NodeError(expected=wanted, actual=came, next_step=remedy) from error
    except subprocess.TimeoutExpired as error:
        came = f"no answer to `version` in {_ANSWER_SECONDS} s"
        raise NodeError(expected=wanted, actual=came, next_step=remedy) from error
    if answer.returncode != 0:
        came = f"exit code {answer.returncode} from `version`: {answer.stderr.strip()[-300:]}"
        raise NodeError(expected=wanted, actual=came, next_step=remedy)
    version = answer.stdout.strip().removeprefix("v").split("+")[0]
    if version != VERSION:
        raise NodeError(expected=wanted, actual=f"version {version or 'of no name'}", next_step=remedy)
