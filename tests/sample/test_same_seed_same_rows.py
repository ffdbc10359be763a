"""Equal plans give equal rows, whatever the machine, the number of threads or the size of files."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import polars as pl
from msgspec.structs import replace

from settle.sample.chance import draw, key
from settle.sample.curves import durations
from settle.sample.generate import generate
from settle.sample.lines import truth_events
from settle.sample.plan import SamplePlan, month

# FORMAT PIN: the rows of seed 7, as CSV text. It changes only together with a release note that
# samples of earlier releases cannot be made again.
ROWS_OF_SEED_7 = "aa4e9279d8b4a07070fec81fe279ab01aa5857883a34ccba6b1c20b8fa6c7579"

PROGRAM = """
import sys
from pathlib import Path
from settle.sample.generate import generate
from settle.sample.plan import SamplePlan, month
start, end = month(2014, 1)
generate(SamplePlan(seed=7, records=3000, usage_from=start, usage_to=end), Path(sys.argv[1]))
"""


def rows_hash(folder: Path) -> str:
    text = truth_events(folder).sort("call").collect().write_csv()
    views = [pl.read_parquet(path).write_csv() for path in sorted(folder.glob("*/records/*.parquet"))]
    return sha256("".join([text, *views]).encode()).hexdigest()


def test_the_rows_of_a_seed_never_change(tmp_path: Path) -> None:
    start, end = month(2014, 1)
    generate(SamplePlan(seed=7, records=3_000, usage_from=start, usage_to=end), tmp_path / "sample")
    assert rows_hash(tmp_path / "sample") == ROWS_OF_SEED_7


def test_threads_locale_and_time_zone_do_not_matter(tmp_path: Path) -> None:
    surroundings = {"POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "5", "TZ": "America/New_York", "LC_ALL": "C"}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "sample")], env=os.environ | surroundings, check=True, timeout=60
    )
    assert rows_hash(tmp_path / "sample") == ROWS_OF_SEED_7


def test_the_truth_does_not_depend_on_how_it_is_cut_into_files(january: SamplePlan, tmp_path: Path) -> None:
    week = replace(january, usage_to=january.usage_from + 7 * 86_400)
    generate(week, tmp_path / "weeks")
    generate(replace(week, rows_per_file=200, days_per_file=1), tmp_path / "days")
    weeks, days = (
        truth_events(tmp_path / name).sort("call").collect().drop("sender_hits", "receiver_hits")
        for name in ("weeks", "days")
    )
    assert weeks.equals(days)
    assert len(list((tmp_path / "days" / "truth").iterdir())) > len(list((tmp_path / "weeks" / "truth").iterdir()))


def test_another_seed_gives_other_rows(january: SamplePlan, tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(replace(january, seed=seed), tmp_path / str(seed))
    first, second = (truth_events(tmp_path / str(seed)).sort("call").collect() for seed in (1, 2))
    assert (first["start_ms"] == second["start_ms"]).mean() < 0.01


def test_columns_draw_what_the_published_generator_draws() -> None:
    # splitmix64, seed 1234567, as printed by Rosetta Code's task "Pseudo-random numbers/Splitmix64"
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    numbers = pl.DataFrame({"n": pl.Series(range(5), dtype=pl.UInt64)})
    assert numbers.select(draw(1234567, pl.col("n")))["n"].to_list() == published


def test_purposes_do_not_share_chance() -> None:
    keys = {key(seed, *purpose) for seed in range(50) for purpose in ((), (1,), (2,), (1, 1), (1, 2), (2, 1))}
    assert len(keys) == 300


def test_the_table_of_durations_is_made_of_the_same_integers_everywhere() -> None:
    table = durations()
    text = repr((table.low.to_list(), table.width.to_list()))
    assert sha256(text.encode()).hexdigest() == "7d988809351154909a6917217f11aa40af50df2068528316c16c7b6d36db2fc7"
