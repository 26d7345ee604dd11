"""Client: predictions of a model behind TensorFlow Serving, asked for as `tsdeep.predict` is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np

from tsdeep.errors import SpecError, TsdeepError
from tsdeep.serving.raw_rows import answered, newest_rows
from tsdeep.serving.server_model import Known, batches, by_class, described, given_description
from tsdeep.serving.transport import NoAnswer, Signature, Transport, VersionStatus

if TYPE_CHECKING:
    import pandas as pd

    from tsdeep.panel import Panel


class Client:
    """A model behind TensorFlow Serving, by its REST or its gRPC API.

    What is sent is checked first, against `tsdeep.json` where it is given, otherwise against the signature that the
    server describes. Safe to use from several threads.

    Parameters
    ----------
    url : str
        `http://host:8501` or `https://...` for REST; `grpc://host:8500`, or `grpcs://...` for TLS, for gRPC, which
        needs the extra `serving`.
    model : str
        The model's name on the server.
    version : int, optional
        The version that answers; by default the newest that the server has, a new one as soon as it is there.
    label : str, optional
        A label of a version on the server, such as `stable`, instead of a number.
    metadata : path, str or mapping, optional
        The export's description, which TensorFlow Serving does not serve: `tsdeep.json`, its content, its
        address (`https://...`), or the folder of the export, of which that of `version` is read, or of the newest.
        Without it nothing is known of the fewest rows (all that are given are sent, which a server can batch with
        other requests only where they have as many), of fields that must be above zero (the graph refuses them), of
        the instrument that the model is for, and of the order of outputs; a model of several assets needs it.
    timeout : float, default 10
        Seconds for one request, all its tries together, to the last byte of the answer. A prediction is a request an
        instrument.
    retries : int, default 3
        Most tries after the first, with growing random waits, where there is no connection, or the server is not
        ready (502, 503, 504, UNAVAILABLE). A prediction changes nothing on a server, so that asking twice is safe.
    headers : mapping of str to str, optional
        Sent with every request to the server, such as a key that a proxy wants. A redirect is an error, so that
        no other host is sent them.
    form : {"columns", "rows"}, default "columns"
        How REST writes tensors: whole under `inputs`, or one object a window under `instances`.

    Raises
    ------
    SpecError
        If an argument cannot be used.
    RunError
        If the description cannot be read.
    DataError
        If gRPC is asked for and its packages are not installed.

    Notes
    -----
    `predict` takes what `tsdeep.predict` takes and gives its table; `signature="predict_class"` gives classes in
    words, and scores; `status()` the versions of the model and their states. Errors have the server's words. Requests
    of other programs meet the same checks in the graph: a wrong shape, too few rows or a value that is not finite is
    answered with 400 or INVALID_ARGUMENT and the field's name (a word for a number in REST's column form without it).
    The server answers each request by itself; the `compose.yaml` that `tsdeep export --serving` writes says how to
    batch them, where one that is refused takes with it those in its batch.

    Examples
    --------
    >>> client = Client("http://localhost:8501", "sp500_tcn", timeout=2.0)
    >>> client
    Client('http://localhost:8501', 'sp500_tcn')
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        metadata: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        timeout: float = 10.0,
        retries: int = 3,
        headers: Mapping[str, str] | None = None,
        form: Literal["columns", "rows"] = "columns",
    ) -> None:
        _check_arguments(url, model, version, label, timeout, retries, form)
        self.url, self.model, self.version, self.label = url, model, version, label
        self._metadata, self._timeout = metadata, timeout
        given_description(
            metadata, version, timeout
        )  # what cannot be read is said now, not at the first prediction
        self._known: Known | None = None
        options: dict[str, Any] = {
            "version": version,
            "label": label,
            "timeout": timeout,
            "retries": retries,
            "headers": dict(headers or {}),
        }
        self._transport: Transport
        if urlsplit(url).scheme in ("grpc", "grpcs"):
            from tsdeep.serving.grpc_api import Grpc

            self._transport = Grpc(url, model, **options)
        else:
            from tsdeep.serving.rest import Rest

            self._transport = Rest(url, model, form=form, **options)

    def predict(
        self,
        bars: pd.DataFrame | Panel,
        *,
        rows: int = 1,
        symbol: str | None = None,
        signature: str = "serving_default",
    ) -> pd.DataFrame:
        """Predict the newest rows of raw bars.

        Parameters
        ----------
        bars : DataFrame or Panel
            Raw bars with the model's fields, time as a DatetimeIndex or a column, optionally `symbol`; at least
            `rows_needed` rows a symbol. A model of several assets needs the same newest days of all of them. Order
            books are given as a Panel.
        rows : int, default 1
            How many of the newest rows of each symbol to predict.
        symbol : str, optional
            The instrument of a frame without a column `symbol`; by default the one the model was trained on.
        signature : str, default "serving_default"
            Which of the model's signatures answers: `predict_class` adds the likeliest class in words, and
            `compiled_<n>` is sent windows n at a time.

        Returns
        -------
        DataFrame
            A row a prediction: time and symbol of the newest bar it reads, then the outputs.

        Raises
        ------
        DataError
            If a field is missing, a value is not usable or a symbol has too few rows, found here or by the server;
            with the server's words.
        SpecError
            If the model has no such signature, or it takes other inputs than raw rows.
        RunError
            If the server is not reached in time, has no such model or version, or its model is not the one that
            the description is of.
        """
        known, fresh = self._known, False
        if known is None:
            try:
                known, fresh = self._learn(), True
            except NoAnswer:
                # What is wrong with the bars is wrong on any server, and is said first.
                given = given_description(self._metadata, self.version, self._timeout)
                if given is not None:
                    newest_rows(given, bars, rows=rows, symbol=symbol)
                raise
        try:
            return self._predict(known, bars, rows, symbol, signature)
        except NoAnswer:
            raise
        except TsdeepError as error:
            # What is known may be of a version before the newest, which can read other fields.
            try:
                newest = known if fresh else self._learn()
            except NoAnswer:
                raise error from None
            if newest == known:
                raise
        return self._predict(newest, bars, rows, symbol, signature)

    def signatures(self) -> dict[str, Signature]:
        """Ask the server for the model's signatures: names, types and shapes of inputs and outputs."""
        return dict(self._learn().signatures)

    def status(self) -> list[VersionStatus]:
        """Ask the server which versions of the model it has, and the state of each."""
        return self._transport.status()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _learn(self) -> Known:
        """Ask for the signatures, and read the description again, whose folder may have a new version."""
        signatures = self._transport.signatures()
        self._known = Known(signatures, given_description(self._metadata, self.version, self._timeout))
        return self._known

    def _predict(
        self, known: Known, bars: pd.DataFrame | Panel, rows: int, symbol: str | None, signature: str
    ) -> pd.DataFrame:
        about = described(known, signature, f"{self.url}, model '{self.model}'")
        outputs = known.signatures[signature].outputs

        def answer(windows: dict[str, np.ndarray], _symbol: str) -> dict[str, np.ndarray]:
            sizes = about["batch"] or rows
            parts = [self._transport.predict(signature, part, outputs) for part in batches(windows, sizes)]
            joined = {
                name: np.concatenate([part[name] for part in parts])[:rows] for name in about["outputs"]
            }
            return by_class(joined)

        return answered(about, answer, bars, rows=rows, symbol=symbol)

    def __enter__(self) -> Client:
        """Return the client itself; it is closed on leaving."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Give the arguments that say which model is asked."""
        which = "".join(
            f", {name}={value!r}"
            for name, value in (("version", self.version), ("label", self.label))
            if value is not None
        )
        return f"Client({self.url!r}, {self.model!r}{which})"


def _check_arguments(
    url: Any, model: Any, version: Any, label: Any, timeout: Any, retries: Any, form: Any
) -> None:
    """Refuse arguments that cannot be used; SpecError says what was found and expected."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https", "grpc", "grpcs") or not parts.hostname:
        raise SpecError(f"url: found {url!r}, expected such as 'http://host:8501' or 'grpc://host:8500'")
    if parts.scheme.startswith("grpc") and (parts.path.strip("/") or parts.port is None):
        raise SpecError(f"url: found {url!r}, expected a host and a port alone, such as 'grpc://host:8500'")
    if not isinstance(model, str) or not model:
        raise SpecError(f"model: found {model!r}, expected the model's name on the server")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int) or version < 0):
        raise SpecError(f"version: found {version!r}, expected a whole number, or None for the newest")
    if label is not None and (not isinstance(label, str) or not label):
        raise SpecError(f"label: found {label!r}, expected a label that the server has, or None")
    if version is not None and label is not None:
        raise SpecError(f"found version={version!r} and label={label!r}, expected one of them at most")
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not number or not 0 < timeout < float("inf"):
        raise SpecError(f"timeout: found {timeout!r}, expected seconds above zero")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise SpecError(f"retries: found {retries!r}, expected a whole number of 0 or more")
    if form not in ("columns", "rows"):
        raise SpecError(f"form: found {form!r}, expected 'columns' or 'rows'")
