"""Make the environment that Zipline needs: `python -m tsdeep.evaluation.engines.zipline_environment DIR`.

Zipline needs pandas below 3, which tsdeep's own environment may not have.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from tsdeep.errors import DataError, TsdeepError

PACKAGES = ("zipline-reloaded>=3.1", "pandas<3")
COMMAND = "python -m tsdeep.evaluation.engines.zipline_environment DIR"


def make_environment(folder: str | os.PathLike[str]) -> Path:
    """Make a virtual environment with zipline-reloaded and pandas below 3, by pip.

    Parameters
    ----------
    folder : path
        Made if it is not there. One that has Zipline already stays as it is.

    Returns
    -------
    Path
        Its Python, for `run_zipline` and `Result.to_zipline`.

    Raises
    ------
    DataError
        If the folder holds something else, or pip fails.
    """
    folder = Path(folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and zipline_version(python) is not None:
        return python.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        raise DataError(f"{folder}: found a folder with other files, expected none or an environment")
    venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"{folder}: pip could not install {' '.join(PACKAGES)}:\n{done.stderr.strip()}")
    return python.absolute()


def zipline_version(python: str | os.PathLike[str]) -> str | None:
    """Return the version of Zipline that a Python has, or None where it has none.

    Parameters
    ----------
    python : path
        A Python.

    Raises
    ------
    DataError
        If it is not there or does not run.
    """
    code = "import importlib.metadata as m; print(m.version('zipline-reloaded'))"
    try:
        done = subprocess.run(
            [os.fspath(python), "-c", code], capture_output=True, text=True, check=False, env=own_variables()
        )
    except OSError as error:
        raise DataError(
            f"python: {os.fspath(python)!r} cannot be run ({error.strerror}); expected the Python of an environment "
            f"with zipline-reloaded, as {COMMAND} makes it"
        ) from None
    return done.stdout.strip() if done.returncode == 0 else None


def own_variables() -> dict[str, str]:
    """Return the environment variables without those that make another Python read this one's packages."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}


def main(arguments: list[str]) -> int:
    """Make the environment and print its Python."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"usage: {COMMAND}", file=sys.stderr)
        return 2
    try:
        print(make_environment(arguments[0]))
    except TsdeepError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
