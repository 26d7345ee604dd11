"""What stands below the figures of direction's report."""

CAPTIONS = {
    "folds": "How the folds were cut: the rows to fit on, to stop on and to be tested on, through time.",
    "learning_curves": "Loss by epoch on the rows used to fit and to stop. A gap that opens is "
    "overfitting; a flat validation curve says that nothing carries over.",
    "calibration": "When the model says 55%, does it come in 55% of the cases? Points on the diagonal: yes.",
    "probabilities": "Probabilities on rows that went up and on rows that went down. Outlines that lie on "
    "each other mean that the probabilities do not tell the two apart.",
    "rolling_accuracy": "Share of right calls over the last rows. Where always-up lies inside the band, the "
    "two cannot be told apart there.",
    "confusion": "How often each direction was called, by what came.",
    "equity": "What the strategy earned, before and after costs, beside buy and hold; below, the loss from "
    "the last peak.",
    "edge": "The same calls, traded at other costs and carried out later. Where the line is below the dashed one, "
    "buying and holding earned more for its risk.",
    "ranking": "Left: what symbols returned by the quantile that P(up) put them into, before costs; with skill, a "
    "staircase that rises. Right: the rank correlation of each date, added up; with skill, a line that rises.",
    "exposure": "What the strategy held, on average over the last rows, and how much it traded for it.",
    "stability": "Each fold by itself. A result that rests on one fold, or on one seed, is no result.",
}
