from __future__ import annotations

import json
from typing import ClassVar

import pytest

from tsdeep.errors import SpecError
from tsdeep.evaluation import (
    Evaluation,
    Evaluator,
    Evidence,
    Verdict,
    evaluate,
    evaluator_names,
    get_evaluator,
    metrics_table,
    pooled_scores,
    register_evaluator,
    summary_table,
    tidy_metrics,
)
from tsdeep.evaluation.evaluator import _EVALUATORS


def test_an_unknown_task_is_refused_with_the_nearest_name(predictions, prices):
    with pytest.raises(SpecError, match="did you mean 'direction'"):
        get_evaluator("directions")
    with pytest.raises(SpecError, match="unknown evaluation of task"):
        Evidence("toy", "tcn", predictions, prices, task="weather")
    with pytest.raises(SpecError, match="unknown evaluation of task"):
        metrics_table(predictions, task="weather")


def test_direction_needs_prices(predictions):
    with pytest.raises(SpecError, match="prices is None"):
        Evidence("toy", "tcn", predictions)


def test_a_task_of_ones_own_is_evaluated_through_the_same_functions(predictions):
    class Counting(Evaluator):
        template: ClassVar[str] = "report.html"

        def seeds(self, predictions):
            return ()

        def metrics_table(self, predictions, references, name):
            return metrics_table(predictions, references, name=name)

        def summary_table(self, table):
            return table

        def evaluate(self, evidence):
            verdict = Verdict("nothing", "Nothing was asked.", {}, {})
            table = self.metrics_table(evidence.predictions, None, evidence.model)
            return Evaluation(metrics=table, verdict=verdict, seeds=None, caveats=())

        def figures(self, evidence, evaluation):
            return {}

        def captions(self, evaluation):
            return {}

        def context(self, evidence, evaluation):
            return {}

    try:
        register_evaluator("counting")(Counting)
        assert "counting" in evaluator_names()
        result = evaluate(Evidence("toy", "tcn", predictions, task="counting"))
        assert result.verdict.headline == "Nothing was asked."
        assert summary_table(result.metrics, "counting") is result.metrics
    finally:
        _EVALUATORS.pop("counting")


def test_pooled_scores_are_those_of_the_table_and_fit_into_json(predictions, references):
    table = metrics_table(predictions, references, name="tcn")
    scores = pooled_scores(table)
    assert list(scores) == ["tcn", "always_up", "base_rate"]
    assert scores["tcn"]["accuracy"] == table.loc["pooled", ("accuracy", "tcn")]
    assert scores["always_up"]["log_loss"] is None
    assert scores["tcn"]["rows"] == 400
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert len(tidy_metrics(table)) == 15
