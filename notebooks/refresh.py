"""Execute the notebooks of this folder and write their outputs: `python notebooks/refresh.py [NAME.ipynb ...]`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

HERE = Path(__file__).resolve().parent
# What TensorFlow's C++ says while it starts, on some machines, whatever its log level.
START_UP = re.compile(r"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:\d+\.\d+|\s*$")


def executed(path: Path, folder: Path, *, timeout: int = 600) -> nbformat.NotebookNode:
    """Return a notebook as it comes out when it is executed from top to bottom.

    Parameters
    ----------
    path : Path
        The notebook, which is left as it is.
    folder : Path
        Where it is executed, so that what it writes lands there.
    timeout : int, default 600
        Seconds for one cell.

    Returns
    -------
    NotebookNode
        Without times and TensorFlow's remarks on its start, and with the metadata of any Python kernel.
    """
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=timeout, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if not _is_start_up(output)]
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec, "language_info": {"name": "python"}}
    return notebook


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cells of code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(cell: nbformat.NotebookNode) -> str:
    """Return what a cell printed or showed as text, without trailing blanks."""
    parts = []
    for output in cell.outputs:
        parts.append(output["text"] if "text" in output else output.get("data", {}).get("text/plain", ""))
    return "\n".join(line.rstrip() for line in "\n".join(parts).splitlines()).strip()


def _is_start_up(output: nbformat.NotebookNode) -> bool:
    if output.output_type != "stream" or output.name != "stderr":
        return False
    return all(START_UP.match(line) for line in output.text.splitlines())


def main(names: list[str]) -> None:
    """Refresh the notebooks named, or all."""
    for path in [HERE / name for name in names] or sorted(HERE.glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(path, Path(folder)), path)
        print(path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
