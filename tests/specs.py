"""A spec of one's own, made from one that comes with tsdeep by changing keys."""

from pathlib import Path

import yaml

from tsdeep import make_spec

FOLDER = Path(__file__).parent.parent / "data_specs"
CONTENT = yaml.safe_load((FOLDER / "sp500_direction.yaml").read_text())


def spec(**changes):
    """The spec with keys changed, or left out where the value is `...`."""
    content = {**CONTENT, **changes}
    return make_spec({key: value for key, value in content.items() if value is not ...}, where="my.yaml")
