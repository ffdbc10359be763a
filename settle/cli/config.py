"""`settle config`: what holds, and where it comes from."""

from __future__ import annotations

from settle.cli.options import COMMON, Common, noun
from settle.cli.output import Output, table
from settle.cli.settings import read_settings

app = noun("config", "Settings, and where each comes from.")


@app.command
def show(*, origin: bool = False, common: Common = COMMON) -> None:
    """Show the settings in force.

    Parameters
    ----------
    origin
        Say which layer each comes from: flag, environment, ./settle.toml, HOME/settle.toml, default.
    """
    settings = read_settings(common)._asdict()
    document = {
        name: {"value": each.value, "origin": each.origin} if origin else each.value for name, each in settings.items()
    }
    columns = ("setting", "value", "from") if origin else ("setting", "value")
    rows = [(name, each.value, each.origin)[: len(columns)] for name, each in settings.items()]
    Output(as_json=common.json).result(document, table(*columns, rows=rows))
