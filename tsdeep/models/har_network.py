"""HAR network: a linear path fitted by least squares, and a network beside it that begins at nothing.

Choose it for volatility. A regression of log realised variance on log ranges over days, weeks and months is hard
to beat, and a network that has to find it by gradient descent does not get there from some thousand days. Here the
regression is solved first, and the network learns what it leaves over: training starts at HAR and can only add.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.layers import TCN, ChannelSelection
from tsdeep.models.mlp import mlp
from tsdeep.models.registry import register_model
from tsdeep.tasks import Volatility
from tsdeep.tasks.volatility_labels import log_variance_of
from tsdeep.tasks.volatility_quantiles import raw_of_quantiles
from tsdeep.units import mean_log_variance

#: Beginnings of the names of the channels on the linear path unless they are given.
LINEAR = (
    "log_variance",
    "mean_log_variance",
    "market_log_variance",
    "market_mean_log_variance",
    "log_vix",
    "asset_",
)
ENCODERS = ("mlp", "tcn")
#: Weight of the squared slopes of standardised channels, beside the mean of squared errors.
RIDGE = 1e-8
#: Names of the two parts of the linear path: that of `linear`, and that of `shrunk`.
PATHS = ("har", "har_shrunk")


def fit_har_path(model: keras.Model, x: np.ndarray, y: np.ndarray, task: Any) -> None:
    """Set the linear path of a HAR network to the least-squares fit of log realised variance.

    The regression is on the linear channels and an intercept. One-hot channels of assets add up to the intercept,
    so without more the slopes would not be unique: `RIDGE` makes them the smallest ones, and moves predictions by
    less than float32 tells apart. Channels that the model shrinks have its `shrinkage` instead (ridge regression). A
    channel that is constant in the training rows gets no slope. The network beside the path stays as it is: at zero
    in a new model, and as learnt in one that starts warm. Where it has not learnt how wide the quantiles are, they
    begin as those of the regression's residuals.

    A task whose loss asks for the mean of variance or of volatility gets the same forecasts: the intercept is raised
    by what the residual variance puts between that and the mean of log variance (`tsdeep.units`).

    Parameters
    ----------
    model : keras.Model
        Of `har_network`.
    x : ndarray of float32, [rows, channels]
        Scaled features of the newest row of each training window.
    y : ndarray, [rows]
        Labels: volatility, variance or log variance, as the task says.
    task : Volatility
        The task.

    Raises
    ------
    SpecError
        If the task is another.
    DataError
        If a feature, or the log of a label, is not finite, or there are no rows.
    """
    if not isinstance(task, Volatility):
        raise SpecError(
            "har_network: its linear path is fitted to log realised variance, which labels of the task "
            f"'{getattr(task, 'kind', task)}' do not tell; expected the task 'volatility'"
        )
    parts = [part for part in PATHS if part in {layer.name for layer in model.layers}]
    index = [model.get_layer(f"{part}_channels").indices for part in parts]
    ridge = [float(getattr(model.get_layer(part).kernel_regularizer, "l2", RIDGE)) for part in parts]
    linear = np.asarray(x, "float64")[:, np.concatenate(index)]
    log_variance = log_variance_of(np.asarray(y, "float64").reshape(-1), task.target)
    slopes, intercept = least_squares(linear, log_variance, np.repeat(ridge, [len(each) for each in index]))
    residual = log_variance - linear @ slopes - intercept
    raised = -mean_log_variance(0.0, task.unit, float(np.var(residual)))
    intercept += raised
    model.get_layer("har").set_weights([slopes[: len(index[0]), None], np.array([intercept])])
    if len(parts) > 1:
        model.get_layer(parts[1]).set_weights([slopes[len(index[0]) :, None]])
    if task.quantiles:
        kernel, _ = model.get_layer("spread").get_weights()
        if not kernel.any():
            found = np.quantile(residual - raised, task.quantiles)
            model.get_layer("spread").set_weights([kernel, np.array(raw_of_quantiles(found, task.quantiles))])


def least_squares(
    x: np.ndarray, y: np.ndarray, ridge: float | np.ndarray = RIDGE
) -> tuple[np.ndarray, float]:
    """Regress on channels and an intercept, by default with the least ridge that makes collinear channels do no harm.

    Parameters
    ----------
    x : ndarray of float64, [rows, channels]
        Regressors.
    y : ndarray of float64, [rows]
        What is explained.
    ridge : float or ndarray of float64, [channels]
        Weight of the squared slopes of standardised channels, beside the mean of squared errors.

    Returns
    -------
    slopes : ndarray of float64, [channels]
    intercept : float

    Raises
    ------
    DataError
        If there are no rows, or a value is not finite.
    """
    if not len(x) or len(x) != len(y):
        raise DataError(f"least squares: found {len(x)} rows and {len(y)} labels, expected one each")
    for name, values in (("regressors", x), ("labels", y)):
        if not np.isfinite(values).all():
            row = np.argwhere(~np.isfinite(values))[0][0]
            raise DataError(f"least squares: row {row} of the {name}: found {values[row]}, expected numbers")
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale <= 1e-6 * (1 + np.abs(mean))] = np.inf  # constant: no slope
    # A row for each channel pulls its slope to 0 (ridge regression as least squares).
    pull = np.diag(np.sqrt(np.broadcast_to(ridge, x.shape[1]) * len(x)))
    rows = np.concatenate([(x - mean) / scale, pull])
    found = np.linalg.lstsq(rows, np.concatenate([y - y.mean(), np.zeros(len(pull))]), rcond=None)[0]
    slopes = found / scale
    return slopes, float(y.mean() - mean @ slopes)


@register_model("har_network", initialise=fit_har_path)
def har_network(
    inputs: Any,
    *,
    linear: Sequence[str] = LINEAR,
    shrunk: Sequence[str] | Literal["rest"] = (),
    shrinkage: float = 0.2,
    residual: Sequence[str] | None = None,
    encoder: str = "mlp",
    units: Sequence[int] = (16, 16),
    filters: int = 16,
    kernel_size: int = 3,
    dilations: Sequence[int] = (1, 2, 4, 8),
    dropout: float = 0.0,
    activation: str = "gelu",
    logits: int = 1,
    assets: int = 1,
    feature_names: tuple[str, ...] | None = None,
) -> Any:
    """Build a HAR-initialised network: the regression of Corsi (2009) on ranges, and a residual network.

    The linear path, a `Dense` layer named `har`, reads the newest row of the linear channels and adds to the
    first logit, the log variance. It is not trained: the walk-forward loop sets it by `fit_har_path` before every
    fit, and until then it is zero; who fits by hand calls
    `tsdeep.initialise(model, samples, fold.train, scaler)` first.
    The last layers of the network beside it start at zero, so that a new model predicts what the regression does,
    with the quantiles of the regression's residuals. Corsi's regression is of realised variances from
    intraday data, in levels, over 1, 5 and 22 days; on logs of daily ranges, which are far less noisy than squared
    returns, errors are near normal and least squares near efficient.

    The path and both last layers compute in float32 under any precision.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; with the encoder "mlp" a lookback of 1 is enough.
    linear : sequence of str
        Beginnings of the names of the channels on the linear path; by default those of log variances over days,
        weeks and months, of the market's, of log VIX, and of one-hot assets, which make an intercept for each. Of
        the defaults some may be absent, of others none.
    shrunk : sequence of str or "rest", optional
        Beginnings of the names of more channels on the linear path, whose slopes are shrunk towards zero; channels
        of `linear` are left out. "rest": all that are not of `linear`. With it the path is a ridge regression that
        does not shrink HAR.
    shrinkage : float, default 0.2
        Weight of the squared slopes of the `shrunk` channels, standardised, beside the mean of squared errors.
    residual : sequence of str, optional
        Beginnings of the names of the channels that the network reads; every channel unless given.
    encoder : {"mlp", "tcn"}, default "mlp"
        The network: dense layers on the newest row, or a temporal convolutional network over the window. The "tcn"
        learns noise sooner: where HAR was the truth, an epoch on 18,000 simulated days at a learning rate of 1e-3
        cost it 0.6% of QLIKE in the mean of five draws, 2.4% at most, and 0.1% and 0.8% at 3e-4; the "mlp" at
        1e-3 cost 0.1% and 0.7%.
    units : sequence of int, default (16, 16)
        Units of each layer of the "mlp".
    filters : int, default 16
        Channels of the "tcn".
    kernel_size : int, default 3
        Of the "tcn".
    dilations : sequence of int, default (1, 2, 4, 8)
        Of the "tcn"; with these and the kernel size it reads 61 rows, so let the lookback be about 64.
    dropout : float, default 0.0
        Fraction of the values dropped after each layer of the network, in training.
    activation : str, default "gelu"
        Of the network's layers.
    logits : int, default 1
        Logits of the task; the builder sets it.
    assets : int, default 1
        Assets in a sample; the builder sets it.
    feature_names : tuple of str, optional
        Names of the channels, which the builder gives.

    Returns
    -------
    KerasTensor, float32 [batch, logits]
        The logits, the log variance first.

    Raises
    ------
    SpecError
        If the names of the channels are not known, a beginning matches none of them, the encoder is unknown, or a
        sample holds several assets, whose regressions would each need channels of their own.

    Notes
    -----
    Means over the ten ETFs of `etf_volatility` (test years 2010 to 2019, a refit a year on all days since 1993 and on
    nine more ETFs; annualised percentage points; RMSE is of the forecast mean of volatility, MAE of its median), by
    `tsdeep run etf_volatility --path etf/ --join vix=VIX.csv --train-only more_etfs/`:

    ============================================== ===== ==== ====
    method                                         QLIKE RMSE MAE
    ============================================== ===== ==== ====
    `har_network`, ten members                     0.200 4.69 3.20
    ridge on the same inputs                       0.201 4.69 3.19
    combination of GJR and log-HARs                0.202 4.71 3.21
    pooled log-HAR on ranges, VIX and SPY's range  0.206 4.75 3.25
    log-HAR on ranges                              0.213 4.81 3.27
    GJR-GARCH                                      0.225 5.03 3.47
    GARCH(1,1)                                     0.226 5.06 3.51
    EWMA 0.94                                      0.262 5.14 3.49
    random walk                                    0.331 5.52 3.84
    ============================================== ===== ==== ====

    In nine of ten years the network added nothing that held on years kept from it, so the figures are the
    regression's. Its 80% and 95% intervals covered 79.6% and 93.4%, the conformal ones 78.4% and 94.5%. Networks
    without the regression were worse, from 0.217 (the same inputs) to 0.33 (fifty days of volatility and correlations
    alone): `pytest -n 0 -s -m benchmark tests/benchmarks/test_volatility_models.py` fits all of them, and says what
    was chosen on what.

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2).
    """
    if encoder not in ENCODERS:
        raise SpecError(unknown_name("encoder", encoder, ENCODERS))
    if assets != 1:
        raise SpecError(f"har_network: found {assets} assets a sample, expected one; learn them pooled")
    if feature_names is None:
        raise SpecError(
            "har_network chooses its channels by name: found no names, expected samples, which tell them"
        )
    if not shrinkage > 0:
        raise SpecError(f"shrinkage: found {shrinkage!r}, expected a number above zero")
    on_path = channels_named("linear", linear, feature_names, all_needed=tuple(linear) != LINEAR)
    har = _linear_path(inputs[:, -1], on_path, PATHS[0])  # [batch, 1]
    if shrunk:
        named = channels_named("shrunk", ("",) if shrunk == "rest" else shrunk, feature_names)
        more = tuple(k for k in named if k not in on_path)
        if not more:
            raise SpecError(f"shrunk: found only channels of `linear` in {shrunk!r}, expected others")
        added = _linear_path(inputs[:, -1], more, PATHS[1], keras.regularizers.L2(shrinkage))
        har = keras.layers.Add(dtype="float32", name="linear_path")([har, added])
    hidden = inputs
    if residual is not None:
        index = channels_named("residual", residual, feature_names)
        hidden = ChannelSelection(index, name="residual_channels")(inputs)
    if encoder == "mlp":
        hidden = mlp(hidden, units=units, dropout=dropout, activation=activation)
    else:
        hidden = TCN(
            filters,
            kernel_size,
            dilations,
            dropout=dropout,
            activation=activation,
            return_sequences=False,
            name="tcn",
        )(hidden)
    added = _from_zero(1, "residual")(hidden)
    first = keras.layers.Add(dtype="float32", name="log_variance")([har, added])
    if logits == 1:
        return first
    others = _from_zero(logits - 1, "spread")(hidden)
    return keras.layers.Concatenate(dtype="float32", name="log_variance_and_spread")([first, others])


def channels_named(
    argument: str, prefixes: Sequence[str], feature_names: Sequence[str], *, all_needed: bool = True
) -> tuple[int, ...]:
    """Return the numbers of the channels whose names begin with one of some prefixes.

    Parameters
    ----------
    argument : str
        Which hyperparameter the prefixes are of, in the message.
    prefixes : sequence of str
        Beginnings of names.
    feature_names : sequence of str
        Names of all channels.
    all_needed : bool, default True
        Refuse a prefix without a channel; otherwise only prefixes that have none together.

    Raises
    ------
    SpecError
        If no channel matches.
    """
    if isinstance(prefixes, str):
        raise SpecError(f"{argument}: found '{prefixes}', expected a sequence of beginnings of names")
    found = tuple(k for k, name in enumerate(feature_names) if name.startswith(tuple(prefixes)))
    absent = [p for p in prefixes if not any(name.startswith(p) for name in feature_names)]
    if not found or (all_needed and absent):
        raise SpecError(
            f"{argument}: found no channel that begins with {' or '.join(map(repr, absent)) or 'nothing'}; "
            f"channels: {', '.join(feature_names)}"
        )
    return found


def _linear_path(rows: Any, channels: tuple[int, ...], name: str, ridge: Any = None) -> Any:
    """Make a frozen linear layer on some channels, `[batch, channels]` to `[batch, 1]`.

    The regularizer of weights that are not trained adds nothing to the loss; it says how slopes are to be fitted.
    """
    selected = ChannelSelection(channels, dtype="float32", name=f"{name}_channels")(rows)
    return keras.layers.Dense(
        1,
        use_bias=ridge is None,
        kernel_initializer="zeros",
        kernel_regularizer=ridge,
        trainable=False,
        dtype="float32",
        name=name,
    )(selected)


def _from_zero(units: int, name: str) -> keras.layers.Dense:
    return keras.layers.Dense(units, kernel_initializer="zeros", dtype="float32", name=name)
