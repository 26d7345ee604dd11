"""One self-contained HTML page, readable by someone who has not read the code."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path

import jinja2
from matplotlib.figure import Figure

from tsdeep.evaluation.assessment import evaluate, tidy_metrics
from tsdeep.evaluation.assessment import figures as draw_figures
from tsdeep.evaluation.evaluator import Evaluation, get_evaluator
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.formatting import plain_table, setting_text
from tsdeep.evaluation.prediction_tables import distinct_rows


def write_report(
    evidence: Evidence,
    out: str | Path,
    *,
    evaluation: Evaluation | None = None,
    figures: Mapping[str, Figure] | None = None,
) -> Path:
    """Write `report.html`, `metrics.csv`, the task's own tables and `figures/*.png` into a folder.

    Parameters
    ----------
    evidence : Evidence
        What is reported on.
    out : str or Path
        Folder; made where it is missing.
    evaluation : Evaluation, optional
        Where it was computed before; by default `evaluate(evidence)`.
    figures : mapping of str to matplotlib.figure.Figure, optional
        Where they were drawn before; by default `figures(evidence, evaluation)`.

    Returns
    -------
    Path
        Of `report.html`. The page holds its figures and loads nothing.
    """
    out = Path(out)
    evaluation = evaluate(evidence) if evaluation is None else evaluation
    figures = draw_figures(evidence, evaluation) if figures is None else figures
    (out / "figures").mkdir(parents=True, exist_ok=True)
    images = {name: figure_png(figure) for name, figure in figures.items()}
    for name, png in images.items():
        write_bytes_whole(out / "figures" / f"{name}.png", png)
    write_bytes_whole(out / "metrics.csv", tidy_metrics(evaluation.metrics).to_csv(index=False).encode())
    for name, table in get_evaluator(evidence.task).tables(evaluation).items():
        write_bytes_whole(out / f"{name}.csv", table.to_csv(index=False).encode())
    write_bytes_whole(out / "report.html", render_report(evidence, evaluation, images).encode())
    return out / "report.html"


def render_report(evidence: Evidence, evaluation: Evaluation, images: Mapping[str, bytes]) -> str:
    """Return the report's HTML.

    Parameters
    ----------
    evidence : Evidence
        What is reported on.
    evaluation : Evaluation
        What it amounts to.
    images : mapping of str to bytes
        PNG files, by the names of `figures`.

    Returns
    -------
    str
        One page; every text from data, settings or names is escaped.
    """
    evaluator = get_evaluator(evidence.task)
    test = evaluation.metrics["test"]
    folds = evaluation.metrics.index.get_level_values("fold")
    first, last = test["first"].min(), test["last"].max()
    rows = distinct_rows(evidence.predictions)
    early = int((~(rows["cutoff"] < rows["time"])).sum())
    return page_template(evaluator.template).render(
        evidence=evidence,
        evaluation=evaluation,
        period=f"{first:%Y-%m-%d} to {last:%Y-%m-%d}",
        test_rows=f"{len(rows):,}",
        folds=len(set(folds)) - 1,
        walk_forward=early == 0,
        early_rows=f"{early:,}",
        symbols=evidence.predictions["symbol"].nunique(),
        fold_table=plain_table(evidence.folds),
        images=embedded(images),
        captions=evaluator.captions(evaluation),
        **evaluator.context(evidence, evaluation),
    )


def page_template(name: str) -> jinja2.Template:
    """Return a page of this room by its file name; every text put into it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["setting"] = setting_text
    return environment.get_template(name)


def embedded(images: Mapping[str, bytes]) -> dict[str, str]:
    """Return PNG files as a page holds them."""
    return {name: base64.b64encode(png).decode("ascii") for name, png in images.items()}


def figure_png(figure: Figure) -> bytes:
    """Draw a figure as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def write_bytes_whole(path: Path, content: bytes) -> None:
    """Write in one step: an interrupted report leaves the earlier file or none."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    os.replace(partial, path)
