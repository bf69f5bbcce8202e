"""Build what Binder builds, as far as pip can, and see whether it fits.

``python scripts/check_binder.py`` reads binder/environment.yml, installs the same
packages from PyPI into build/binder, runs binder/postBuild there, and then 01, 05 and
07 top to bottom. It prints the size of the environment and the most memory that
jupyter and its kernel held together, and fails where one is over 2 GB or a notebook
fails. pip must find a CPU build of torch, as README says: CUDA alone is larger. What
conda does, its Python, and the image below the environment are not seen here.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ("01_quickstart", "05_mutagenesis", "07_genome_browser")
ON_PYPI = {"pytorch-cpu": "torch", "python-kaleido": "kaleido"}  # names of conda-forge
LIMIT = 2_000_000_000  # bytes, of the environment and of memory
DISK = "environment, on disk"
_EVERY = 0.1  # seconds


def requirements(environment: Path) -> list[str]:
    """Return the packages of an environment file as pip names them."""
    listed = yaml.safe_load(environment.read_text(encoding="utf-8"))["dependencies"]
    found = []
    for each in listed:
        if isinstance(each, dict):
            found += each["pip"]
        elif (name := re.match(r"[\w-]+", each)[0]) not in ("python", "pip"):
            found.append(ON_PYPI.get(name, name) + each.removeprefix(name))
    return found


def build(place: Path) -> Path:
    """Make the environment anew; return its folder of programs."""
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=True, symlinks=True)
    programs = place / "bin"
    wanted = requirements(ROOT / "binder" / "environment.yml")
    pins = ROOT / "binder" / "constraints.txt"
    pip = [programs / "python", "-m", "pip", "install", "--quiet", "-c", pins]
    subprocess.run([*pip, *wanted], check=True)
    subprocess.run(
        ["bash", "binder/postBuild"], cwd=ROOT, env=inside(programs), check=True
    )
    return programs


def inside(programs: Path) -> dict[str, str]:
    """Return variables that put an environment's programs first."""
    return {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}


def size(place: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(path.lstat().st_size for path in place.rglob("*") if path.is_file())


def peak(programs: Path, notebook: Path, ran: Path) -> int:
    """Run a notebook to ``ran``; return the most bytes that jupyter and kernel held."""
    command = [programs / "jupyter", "execute", notebook, f"--output={ran}"]
    running = psutil.Popen(command, cwd=notebook.parent, env=inside(programs))
    most = 0
    while running.poll() is None:
        most = max(most, held(running))
        time.sleep(_EVERY)
    if running.returncode:
        raise SystemExit(f"{notebook.name} failed")
    return most


def held(process: psutil.Process) -> int:
    """Return the bytes of a process and all below it."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def main() -> None:
    """Build, run, print, and say whether it fits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--place", type=Path, default=ROOT / "build" / "binder")
    place = parser.parse_args().place.resolve()
    programs = build(place)
    found = {DISK: size(place)}
    for name in NOTEBOOKS:
        notebook = ROOT / "notebooks" / f"{name}.ipynb"
        found[f"{name}, memory"] = peak(programs, notebook, place / notebook.name)
    for name, count in found.items():
        sys.stdout.write(f"{name:32}{count / 1e6:8,.0f} MB\n")
    over = [name for name, count in found.items() if count > LIMIT]
    if over:
        hint = ". Does pip find a CPU build of torch? README says how."
        said = f"over {LIMIT / 1e9:.0f} GB: {', '.join(over)}"
        raise SystemExit(said + hint * (DISK in over))


if __name__ == "__main__":
    main()
