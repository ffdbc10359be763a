"""`settle completion`: completion of commands in a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from settle.cli.options import noun
from settle.cli.output import Output

app = noun("completion", "Completion of commands in a shell.")

Shell: TypeAlias = Literal["bash", "zsh", "fish"]


@app.command
def show(shell: Shell, *, json: bool = False) -> None:
    """Print the completion script of a shell.

    Parameters
    ----------
    shell
        Which shell.
    json
        Answer with one JSON document.
    """
    from settle.cli.main import build  # noqa: PLC0415  # main loads this file

    script = build().generate_completion(shell=shell)
    Output(as_json=json).result({"shell": shell, "script": script}, script)


@app.command
def install(
    shell: Shell,
    *,
    output: Path | None = None,
    startup: Annotated[bool, Parameter(negative="--no-startup")] = True,
    json: bool = False,
) -> None:
    """Write the completion script where the shell finds it.

    Parameters
    ----------
    shell
        Which shell.
    output
        Another file than the shell's usual one.
    startup
        Also make the shell's startup file load it.
    json
        Answer with one JSON document.
    """
    from settle.cli.main import build  # noqa: PLC0415  # main loads this file

    written = build().install_completion(shell=shell, output=output, add_to_startup=startup)
    out = Output(as_json=json)
    out.result({"shell": shell, "file": str(written)}, str(written))
    out.hint("open a new shell to use it")
