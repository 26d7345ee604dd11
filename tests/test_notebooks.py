"""Notebooks: they run from top to bottom, say what the code says today, and are clean as they are committed.

Outputs of cells tagged `stable` do not depend on a machine's arithmetic beyond the digits shown: they are compared with
those of an execution, words as they are and numbers within a step of their last digit. What a network was trained to is
not: on another machine it comes out a little different.
"""

import ast
import importlib
import re

import nbformat
import pytest

from notebooks.refresh import HERE, code_cells, executed, text_of

NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?$")
ON_ONE_MACHINE = re.compile(
    r"(?:^|[\s'\"(])(?:/(?:home|root|tmp|work|usr|opt|Users|content)/|[A-Z]:\\)|ipykernel_\d"
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem, scope="module")
def path(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(path):
    return nbformat.read(path, as_version=4)


def same_text(found, expected):
    """Whether words are equal, and numbers within a step of the last digit that is shown."""
    found, expected = found.split(), expected.split()
    return len(found) == len(expected) and all(map(same_word, found, expected))


def same_word(found, expected):
    if found == expected:
        return True
    if not (NUMBER.match(found) and NUMBER.match(expected)):
        return False
    decimals = [len(word.partition(".")[2]) for word in (found, expected)]
    difference = abs(float(found.replace(",", "")) - float(expected.replace(",", "")))
    return decimals[0] == decimals[1] > 0 and difference < 1.5 * 10.0 ** -decimals[0]


def imported(tree):
    """Names that are taken from tsdeep, with the module of each: `tsdeep.load`, `from tsdeep.evaluation import x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "tsdeep":
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tsdeep":
            yield "tsdeep", node.attr


def test_there_are_notebooks():
    expected = {"00_quickstart", "index_volatility", "lob_midprice", "model_choice", "sp500_direction"}
    assert expected <= {path.stem for path in NOTEBOOKS}


def test_a_notebook_is_valid_and_was_run_from_top_to_bottom(notebook):
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert notebook.metadata.kernelspec.name == "python3"


def test_cells_compile_and_take_public_names_that_exist(notebook):
    taken = set()
    for cell in code_cells(notebook):
        tree = ast.parse(cell.source, filename=cell.id)
        taken |= set(imported(tree))
    assert ("tsdeep", "load_spec") in taken
    for module, name in taken:
        assert name in importlib.import_module(module).__all__, f"{module}.{name}"


def test_the_first_cell_says_in_one_place_where_tsdeep_is_installed_from(notebook):
    first, *others = [cell.source for cell in code_cells(notebook)]
    assert re.findall(r"^TSDEEP = \"(.*)\"$", first, flags=re.MULTILINE) == [""]
    assert "no public\n# address yet" in first or "no public address yet" in first
    assert not any("TSDEEP" in source or "pip" in source for source in others)


def test_outputs_are_clean(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type in ("stream", "execute_result", "display_data"), cell.id
            assert output.get("name") != "stderr", f"{cell.id}: {output['text']}"
            texts = [output["text"]] if "text" in output else []
            texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
            for text in texts:
                assert not ON_ONE_MACHINE.search(text), f"{cell.id}: {text}"
                assert not CONTROL.search(text), f"{cell.id}: {text!r}"
                assert "warning" not in text.lower(), f"{cell.id}: {text}"
            assert len(output.get("data", {}).get("image/png", "")) < 130_000, cell.id


def test_a_notebook_shows_figures_and_has_stable_cells(notebook):
    cells = code_cells(notebook)
    assert sum("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs) >= 2
    stable = [cell for cell in cells if "stable" in cell.metadata.get("tags", ())]
    assert len(stable) >= 3
    assert all(text_of(cell) for cell in stable)


def test_texts_are_the_same_up_to_a_step_of_the_last_digit():
    assert same_text("a  0.123\n-1.50", "a 0.124 -1.49")
    for other in ("a 0.126 -1.50", "b 0.123 -1.50", "a 0.12 -1.50", "a 0.123", "a 0.123 -1.5"):
        assert not same_text("a 0.123 -1.50", other)
    assert not same_text("5,346 rows", "5,347 rows")


@pytest.mark.slow
def test_executed_anew_stable_cells_say_what_is_committed(path, notebook, tmp_path):
    now = executed(path, tmp_path)
    for before, after in zip(code_cells(notebook), code_cells(now), strict=True):
        assert after.source == before.source
        assert all(
            output.output_type != "error" and output.get("name") != "stderr" for output in after.outputs
        )
        assert [o.output_type for o in after.outputs] == [o.output_type for o in before.outputs], after.id
        if "stable" in before.metadata.get("tags", ()):
            assert same_text(text_of(after), text_of(before)), f"{after.id}:\n{text_of(after)}"
