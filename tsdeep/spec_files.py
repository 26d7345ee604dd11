"""YAML files of specs: read strictly, with paths beside the file."""

from __future__ import annotations

from collections.abc import Hashable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from tsdeep.errors import SpecError


def read_spec_file(path: Any, where: str) -> Any:
    """Read the content of a spec file, its paths beside it.

    Parameters
    ----------
    path : path
        The file.
    where : str
        What messages call it.

    Returns
    -------
    object
        What the YAML says, not validated.

    Raises
    ------
    SpecError
        If there is no file, it is no YAML, or a key is given twice.
    """
    if not path.is_file():
        raise SpecError(f"{where}: no such file, expected a YAML spec, or a name: {', '.join(spec_names())}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_SpecLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"{where}: cannot be read as YAML: {error}") from None
    _set_paths(content, path.absolute().parent)
    return content


def _set_paths(content: Any, folder: Path) -> None:
    """Read paths of sources beside the file that names them, wherever the command is run."""
    if not isinstance(content, dict):
        return
    assets, series = content.get("assets"), content.get("join")
    sources = [content.get("source"), assets.get("train_only") if isinstance(assets, dict) else None]
    if isinstance(series, dict):
        sources += [each.get("source") for each in series.values() if isinstance(each, dict)]
    for source in sources:
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            source["path"] = str(folder / Path(source["path"]).expanduser())


class _SpecLoader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which the plain loader would drop one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"found the key '{name}' twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def spec_names() -> list[str]:
    """List the specs that come with tsdeep."""
    return sorted(Path(entry.name).stem for entry in spec_folder().iterdir() if entry.name.endswith(".yaml"))


def spec_folder() -> Any:
    """Give the packaged specs; in a checkout they stand beside the package."""
    packaged = resources.files("tsdeep") / "data_specs"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "data_specs"
