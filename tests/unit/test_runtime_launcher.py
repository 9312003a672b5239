"""The launcher: quick when installed, plain about what is in the way, never half done."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from backend.settings import CHECKOUT

INSTALLED = "embedded,mt5linux,charts,outliers"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, without anything installed."""
    for name in ("desk", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def launch(checkout: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", str(checkout / "desk"), *words],
        # No index at all: whatever would install something fails at once.
        env={**os.environ, "PIP_NO_INDEX": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fingerprint(checkout: Path) -> str:
    source = (CHECKOUT / "desk").read_text()
    function = source[source.index("fingerprint()") : source.index("installed()")]
    script = f"here={checkout}\n{function}\nfingerprint"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout


def pretend_installed(checkout: Path, extras: str = INSTALLED) -> None:
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("desk", "python"):
        (programs / name).write_text('#!/bin/sh\necho "ran: $*"\n')
        (programs / name).chmod(0o755)
    (checkout / ".venv" / ".desk-stamp").write_text(f"{fingerprint(checkout)}{extras}\n")


def test_an_installed_desk_starts_at_once_and_gets_every_word(checkout: Path):
    pretend_installed(checkout)
    done = launch(checkout, "demo", "--alerts", "two words")
    assert (done.returncode, done.stdout) == (0, "ran: demo --alerts two words\n")
    assert done.stderr == ""


def test_the_settings_of_other_tools_may_change_without_an_installation(checkout: Path):
    pretend_installed(checkout)
    with (checkout / "pyproject.toml").open("a") as file:
        file.write('\n[tool.other]\nkey = "value"\n')
    assert launch(checkout, "status").returncode == 0


def test_a_changed_dependency_calls_for_an_installation(checkout: Path):
    pretend_installed(checkout)
    text = (checkout / "pyproject.toml").read_text()
    (checkout / "pyproject.toml").write_text(
        text.replace("dependencies = [", 'dependencies = [\n"x",')
    )
    done = launch(checkout, "status")
    assert "installing" in done.stderr
    assert f"[{INSTALLED}]" in (checkout / ".venv-install.log").read_text()
    assert launch(checkout, "status").stderr == ""


def test_testing_installs_what_tests_need_and_leaves_it_there(checkout: Path):
    pretend_installed(checkout)
    assert "installing" in launch(checkout, "test").stderr
    assert f"[{INSTALLED},dev]" in (checkout / ".venv-install.log").read_text()
    assert launch(checkout, "test").stderr == ""
    assert launch(checkout, "status").stderr == ""


def test_without_a_suitable_python_it_says_what_to_install(checkout: Path):
    tools = checkout / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "readlink", "awk", "cksum", "sed", "grep"):
        (tools / name).symlink_to(shutil.which(name) or name)
    done = launch(checkout, "status", PATH=str(tools))
    assert done.returncode == 1
    assert "Python 3.11 or later" in done.stderr
    assert "DESK_PYTHON" in done.stderr


def test_a_half_made_environment_is_redone_and_a_failure_shows_the_log(checkout: Path):
    pretend_installed(checkout)
    (checkout / ".venv" / ".desk-building").touch()
    done = launch(checkout, "status")
    assert done.returncode == 1
    assert "could not install" in done.stderr
    assert "No matching distribution" in done.stderr
    # The pretended programs are gone, and the next start knows that this one did not finish.
    assert not (checkout / ".venv" / "bin" / "desk").exists()
    assert (checkout / ".venv" / ".desk-building").exists()
