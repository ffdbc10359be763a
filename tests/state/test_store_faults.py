"""A store that cannot be used says what it expected, what it found and what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lmdb
import msgspec
import pytest

from abci_app.server.boot import check_against_marker
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.store_faults import StoreDamaged, StoreFault, StoreFull
from abci_app.state.store import FORMAT
from tests.state.chain_of_blocks import Chain, Moment, content

ROOT = Path(__file__).parents[2]
MAP = 2**26


def filled(folder: Path, blocks: int = 12) -> Moment:
    with LmdbStore(folder, map_size=MAP) as store:
        return Chain().commit_to(store, blocks).moments[-1]


def flip(folder: Path, value: bytes) -> None:
    """Change one bit of every copy of `value` in the file, old pages included."""
    file = folder / "data.mdb"
    raw = file.read_bytes()
    assert value in raw
    file.write_bytes(raw.replace(value, bytes([value[0] ^ 1]) + value[1:]))


def test_every_fault_names_expected_came_and_next_step() -> None:
    fault = StoreFault("one", "two", "Do three.")
    assert (fault.expected, fault.came, fault.next_step) == ("one", "two", "Do three.")
    assert str(fault) == "expected one; got two. Do three."


@pytest.mark.parametrize(("store_number", "module"), [(5, "periods"), (9, "replay")])
def test_a_changed_row_is_found_at_the_start_and_its_module_named(
    tmp_path: Path, store_number: int, module: str
) -> None:
    rows = filled(tmp_path).rows
    flip(tmp_path, next(value for key, value in rows.items() if key[:2] == bytes([store_number, 1])))
    with LmdbStore(tmp_path, map_size=MAP) as store, pytest.raises(StoreDamaged, match=f"these differ: {module}"):
        check_against_marker(store)


def test_a_changed_fact_is_found_at_the_start(tmp_path: Path) -> None:
    flip(tmp_path, filled(tmp_path).facts[2])
    with LmdbStore(tmp_path, map_size=MAP) as store, pytest.raises(StoreDamaged, match="these differ: facts"):
        check_against_marker(store)


def test_a_lost_fact_is_found_at_the_start(tmp_path: Path) -> None:
    size = len(filled(tmp_path).facts)
    with LmdbStore(tmp_path, map_size=MAP) as store:
        with store.draft() as draft:
            draft.cut_facts(size - 1)
        with pytest.raises(StoreDamaged, match=rf"these differ: facts \({size - 1} of {size}\)"):
            check_against_marker(store)


def test_a_gap_in_the_facts_is_found_at_the_start(tmp_path: Path) -> None:
    size = len(filled(tmp_path).facts)
    with LmdbStore(tmp_path, map_size=MAP) as store:
        with store.draft() as draft:
            draft.append_facts(size + 1, [b"fact"])
        with pytest.raises(StoreDamaged, match=f"fact {size}"):
            check_against_marker(store)


def test_a_fact_that_is_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_size=MAP) as store:
        chain = Chain().commit_to(store, 12)
        with store.draft() as draft:
            draft.append_facts(len(chain.moments[-1].facts) + 9, [b"stray"])
        with store.draft() as draft, pytest.raises(StoreDamaged, match="nothing at or after"):
            draft.append_facts(len(chain.moments[-1].facts), [b"fact"])


def test_a_row_of_no_store_is_found_at_the_start(tmp_path: Path) -> None:
    filled(tmp_path)
    with LmdbStore(tmp_path, map_size=MAP) as store:
        with store.draft() as draft:
            draft.replace_rows({b"\xee\x01": b"value"})
        with pytest.raises(StoreDamaged, match="ee01"):
            check_against_marker(store)


def test_rows_without_a_committed_block_are_found_at_the_start(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_size=MAP) as store:
        with store.draft() as draft:
            draft.replace_rows({b"\x01\x01": b"value"})
        with pytest.raises(StoreDamaged, match="no block was committed"):
            check_against_marker(store)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 2000)
    with pytest.raises(StoreDamaged, match=r"sound LMDB 0.9 file .* move the folder away"):
        LmdbStore(tmp_path, map_size=MAP)


def test_a_file_of_the_other_lmdb_engine_is_refused(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path), lib_version=1) as env, env.begin(write=True) as txn:
        txn.put(b"key", b"value")
    with pytest.raises(StoreDamaged, match=r"sound LMDB 0\.9 file"):
        LmdbStore(tmp_path, map_size=MAP)


def test_a_file_that_was_cut_off_is_refused_instead_of_ending_the_process(tmp_path: Path) -> None:
    filled(tmp_path)
    file = tmp_path / "data.mdb"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreDamaged, match="cut off"):
        LmdbStore(tmp_path, map_size=MAP)
    file.write_bytes(whole)
    with LmdbStore(tmp_path, map_size=MAP) as store:  # and a refused folder can be opened again
        check_against_marker(store)


@pytest.mark.parametrize(
    ("format_", "advice"), [(FORMAT + 1, "A newer version of this program"), (FORMAT - 1, "does not convert it")]
)
def test_another_format_is_refused(tmp_path: Path, format_: int, advice: str) -> None:
    filled(tmp_path)
    with LmdbStore(tmp_path, map_size=MAP) as store, store.draft() as draft:
        marker = draft.marker()
        assert marker is not None
        draft.set_marker(msgspec.structs.replace(marker, format=format_), draft.roots())
    with pytest.raises(StoreFault, match=f"format {format_}. .*{advice}"):
        LmdbStore(tmp_path, map_size=MAP)


def test_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    holder = "import sys, time, os\nfrom pathlib import Path\nfrom abci_app.server.lmdb_store import LmdbStore\n"
    holder += "s = LmdbStore(Path(sys.argv[1]), map_size=2**26)\nprint(os.getpid(), flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        pid = other.stdout.readline().strip()
        with pytest.raises(StoreFault, match=f"process {pid}"):
            LmdbStore(tmp_path, map_size=MAP)
        other.kill()
    LmdbStore(tmp_path, map_size=MAP).close()  # a killed holder holds nothing


def test_a_second_store_in_one_process_is_refused(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_size=MAP), pytest.raises(StoreFault, match="nobody else"):
        LmdbStore(tmp_path, map_size=MAP)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFault, match="that this user may write"):
        LmdbStore(tmp_path / "file" / "data", map_size=MAP)


def test_more_address_space_than_there_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="Lower map_size"):
        LmdbStore(tmp_path, map_size=2**60)


def test_a_full_map_refuses_the_block_whole_and_a_larger_map_takes_it(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_size=2**18) as store:
        chain = Chain().commit_to(store, 2)
        before = content(store)
        batch = chain.next_batch()
        large = {b"\x05\x02" + number.to_bytes(4, "big"): b"x" * 1000 for number in range(500)}
        batch = batch._replace(writes={**batch.writes, **large})
        with pytest.raises(StoreFull, match=f"map_size = {2**18}"):
            store.commit(batch)
        assert content(store) == before
        assert check_against_marker(store) == chain.moments[1].forest
    with LmdbStore(tmp_path, map_size=MAP) as store:
        store.commit(batch)
        assert store.marker() == batch.marker


DISK_FULL = """
import resource, sys
from pathlib import Path
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.store_faults import StoreFull
from tests.state.chain_of_blocks import Chain

store = LmdbStore(Path(sys.argv[1]), map_size=2**26)
chain = Chain().commit_to(store, 2)
size = (Path(sys.argv[1]) / "data.mdb").stat().st_size
limit = size + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
batch = chain.next_batch()
large = {b"\\x05\\x02" + bytes([number]): b"x" * 1000 for number in range(250)}
try:
    store.commit(batch._replace(writes={**batch.writes, **large}))
except StoreFull as fault:
    print(fault)
"""


@pytest.mark.parametrize(("room", "expected"), [(0, "expected room on the disk"), (2048, "expected a disk of")])
def test_a_full_disk_refuses_the_block_whole(tmp_path: Path, room: int, expected: str) -> None:
    """A limit on the file's size stands for the disk: the same failed write, with a sibling's error number.

    Where half a page fits, the write is cut short, and LMDB calls that an input/output error.
    """
    command = [sys.executable, "-c", DISK_FULL, str(tmp_path), str(room)]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert expected in ended.stdout
    assert "disk space" in ended.stdout
    chain = Chain()
    chain.next_batch()
    chain.next_batch()
    with LmdbStore(tmp_path, map_size=MAP) as store:
        assert check_against_marker(store) == chain.moments[1].forest
