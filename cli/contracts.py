"""desk contracts: write the JSON Schemas, and refuse changes that break running readers."""

import subprocess
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from backend.contracts.compatibility import Break, Direction, breaks
from backend.contracts.schemas import FILE_SUFFIX, INDEX_FILE, export
from backend.errors import DeskError
from backend.settings import CHECKOUT
from cli.console import out, print_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

FOLDER = CHECKOUT / "contracts"
EXIT_BROKEN = 1


@app.command("export")
def export_command(
    folder: Annotated[Path, typer.Option(help="Where to write.")] = FOLDER,
) -> None:
    """Write the schemas of the envelope and of every message family."""
    files = export()
    folder.mkdir(parents=True, exist_ok=True)
    for stale in set(_names(folder)) - files.keys():
        (folder / stale).unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    out().print(f"{len(files) - 1} schemas and their index in {folder}")


@app.command()
def check(
    base: Annotated[
        Path | None, typer.Option(help="Folder with the schemas that running readers obey.")
    ] = None,
    revision: Annotated[
        str, typer.Option(help="Git revision that running readers obey; unless --base is given.")
    ] = "HEAD",
    folder: Annotated[Path, typer.Option(help="The exported schemas of this checkout.")] = FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Compare the contracts with those that running readers obey, and with the export.

    Ends with status 1 if a change breaks readers of the same version, or if `contracts/` is
    not what `desk contracts export` writes.
    """
    files = export()
    before = read_folder(base) if base is not None else read_revision(revision)
    found = broken(before, {name: orjson.loads(text) for name, text in files.items()})
    stale = sorted(_stale(folder, files))
    if as_json:
        faults = [
            {"type": b.type, "path": b.path, "change": b.change, "direction": b.direction.value}
            for b in found
        ]
        print_json({"ok": not found and not stale, "breaks": faults, "stale": stale})
    else:
        _tell(found, stale, compared=len(before))
    if found or stale:
        raise typer.Exit(EXIT_BROKEN)


def broken(before: dict[str, Any], after: dict[str, Any]) -> list[Break]:
    """Return the breaking changes between two folders of schemas, by file name.

    A type that is new breaks nobody; a type that is gone breaks everybody who sends it.
    """
    found: list[Break] = []
    for file in sorted(before.keys() - {INDEX_FILE}):
        name = file.removesuffix(FILE_SUFFIX)
        if file in after:
            found += breaks(name, before[file], after[file])
        else:
            found.append(Break(name, "$", "the type was removed", Direction.NARROWED))
    return found


def read_folder(folder: Path) -> dict[str, Any]:
    """Read a folder of schemas. Raises DeskError if there is none."""
    names = _names(folder)
    if not names:
        raise DeskError(
            "contracts.no_base",
            f"no schemas in {folder}",
            "give the folder of an export, or compare with a revision",
        )
    return {name: orjson.loads((folder / name).read_bytes()) for name in names}


def read_revision(revision: str) -> dict[str, Any]:
    """Read `contracts/` of a git revision; empty if it had none. Raises DeskError."""
    listing = _git("ls-tree", "--name-only", f"{revision}:./")
    if b"contracts" not in listing.splitlines():
        return {}
    names = _git("ls-tree", "--name-only", f"{revision}:./contracts").decode().splitlines()
    return {
        name: orjson.loads(_git("show", f"{revision}:./contracts/{name}"))
        for name in names
        if _is_ours(name)
    }


def _git(*arguments: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=CHECKOUT, capture_output=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DeskError(
            "contracts.no_revision",
            f"git {' '.join(arguments)} failed",
            "outside a git checkout, give the schemas to compare with as --base FOLDER",
        ) from error
    return done.stdout


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json") if _is_ours(path.name))


def _is_ours(name: str) -> bool:
    return name == INDEX_FILE or name.endswith(FILE_SUFFIX)


def _stale(folder: Path, files: dict[str, bytes]) -> set[str]:
    present = set(_names(folder)) if folder.is_dir() else set()
    differing = {
        name for name in present & files.keys() if (folder / name).read_bytes() != files[name]
    }
    return (present ^ files.keys()) | differing


def _tell(found: list[Break], stale: list[str], *, compared: int) -> None:
    for change in found:
        out().print(f"[red]breaks[/] {change}", soft_wrap=True)
    for name in stale:
        out().print(f"[yellow]stale[/] contracts/{name}: run `desk contracts export`")
    if not found and not stale:
        said = f"no change breaks a reader of {compared - 1} schemas" if compared else "no base yet"
        out().print(f"[green]ok[/] {said}; contracts/ is what the models say")
