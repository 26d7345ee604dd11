import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.preprocessing import StandardScaler

from tsdeep import SpecError
from tsdeep.books import check_book
from tsdeep.sources import SimulatedBook, make_source

HORIZON = 100
SESSIONS, ROWS = 10, 20_000


@pytest.fixture(scope="module")
def panel():
    return SimulatedBook(sessions=SESSIONS, rows=ROWS).book()


def sessions(panel, values):
    return [values[start:stop] for start, stop in panel.bounds.tolist()]


def mid_of(panel):
    return (panel.fields["ask_price"][:, 0] + panel.fields["bid_price"][:, 0]) / 2 / panel.tick


def imbalance_of(panel):
    ask, bid = panel.fields["ask_size"][:, 0], panel.fields["bid_size"][:, 0]
    return (bid - ask) / (bid + ask)


def test_a_panel_of_books_and_messages_that_says_it_is_simulated():
    source = SimulatedBook(symbols=["A", "B"], sessions=3, rows=50, levels=4, seed=7, start="2024-01-05")
    panel = source.book()
    assert panel.symbols == ("A", "A", "A", "B", "B", "B")
    assert panel.row == "one book event"
    assert panel.tick == 100.0
    assert "simulated" in panel.notes[0]
    assert "seed 7" in panel.notes[0]
    assert {name: values.shape for name, values in panel.fields.items()} == {
        **dict.fromkeys(("ask_price", "ask_size", "bid_price", "bid_size"), (300, 4)),
        **dict.fromkeys(("event_type", "event_size", "event_price", "event_side"), (300,)),
    }
    assert all(values.dtype == np.float64 for values in panel.fields.values())
    days = panel.session_date[panel.bounds[:, 0]].astype(str).tolist()
    assert days == ["2024-01-05", "2024-01-08", "2024-01-09"] * 2
    assert (panel.session_date == panel.time.astype("datetime64[D]")).all()
    seconds = (panel.time - panel.session_date.astype("datetime64[ns]")).astype(np.int64) / 1e9
    assert seconds.min() >= 14.5 * 3600
    assert seconds.max() <= 21 * 3600


def test_prices_are_whole_ticks_and_sizes_round_lots():
    panel = SimulatedBook(sessions=1, rows=500, tick=25.0).book()
    for side in ("ask", "bid"):
        assert (panel.fields[f"{side}_price"] % 25.0 == 0).all()
        assert (panel.fields[f"{side}_size"] % 100 == 0).all()
    assert (panel.fields["event_price"] % 25.0 == 0).all()


def test_levels_with_no_orders_are_marked_as_lobster_does():
    panel = SimulatedBook(sessions=1, rows=3000, levels=30).book()
    empty = panel.fields["ask_size"] == 0
    assert empty.any()
    assert (panel.fields["ask_price"][empty] == 9999999999).all()
    assert (panel.fields["bid_price"][panel.fields["bid_size"] == 0] == -9999999999).all()


def test_a_seed_reproduces_and_another_differs():
    first, again, other = (
        SimulatedBook(sessions=2, rows=300, seed=s).book().fingerprint() for s in (1, 1, 2)
    )
    assert first == again != other


def test_more_sessions_and_symbols_leave_the_others_as_they_are():
    small = SimulatedBook(symbols=["A"], sessions=1, rows=300).book()
    large = SimulatedBook(symbols=["B", "A"], sessions=3, rows=300).book()
    assert large.symbols.index("A") == 3
    for name, values in small.fields.items():
        np.testing.assert_array_equal(values, large.fields[name][900:1200])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 0}, "rows: found 0"),
        ({"levels": 31}, "levels: found 31"),
        ({"tick": 0.0}, "tick: found 0"),
        ({"symbols": ["A", "A"]}, "found 'A' twice"),
        ({"row": 5}, "unknown key 'row': did you mean 'rows'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "simulated_book", **settings})


def test_never_crossed_and_levels_ordered(panel):
    check_book(panel)
    fields = panel.fields
    assert (fields["bid_price"][:, 0] < fields["ask_price"][:, 0]).all()
    assert (np.diff(fields["ask_price"], axis=1) >= 0).all()
    assert (np.diff(fields["bid_price"], axis=1) <= 0).all()
    assert (fields["ask_size"][:, 0] > 0).all()
    assert (fields["bid_size"][:, 0] > 0).all()


def test_sessions_are_independent(panel):
    """Mid moves of different sessions, at the same rows, are not correlated."""
    moves = np.stack([np.diff(mid[::200]) for mid in sessions(panel, mid_of(panel))])
    correlation = np.corrcoef(moves)[np.triu_indices(SESSIONS, 1)]
    # Of n moves the correlation has a standard error of 1/sqrt(n), and the mean of all pairs a smaller one.
    error = 1 / np.sqrt(moves.shape[1])
    assert abs(correlation.mean()) < 4 * error / np.sqrt(len(correlation))
    assert abs(correlation).max() < 4.5 * error


@pytest.mark.parametrize("name", ["spread", "best queues", "five levels"])
def test_spread_and_queues_are_stationary(panel, name):
    """First and second halves of sessions differ by no more than sessions do among themselves."""
    fields = panel.fields
    values = {
        "spread": (fields["ask_price"][:, 0] - fields["bid_price"][:, 0]) / panel.tick,
        "best queues": (fields["ask_size"][:, 0] + fields["bid_size"][:, 0]) / 2,
        "five levels": (fields["ask_size"][:, :5] + fields["bid_size"][:, :5]).sum(axis=1),
    }[name]
    halves = np.array([(x[: ROWS // 2].mean(), x[ROWS // 2 :].mean()) for x in sessions(panel, values)])
    change = halves[:, 1] - halves[:, 0]
    assert abs(change.mean()) < 3.5 * change.std(ddof=1) / np.sqrt(SESSIONS)
    assert abs(change.mean()) < 0.05 * halves.mean()
    assert halves.std(ddof=1) < 0.1 * halves.mean()


def test_the_shape_of_a_real_book(panel):
    spread = (panel.fields["ask_price"][:, 0] - panel.fields["bid_price"][:, 0]) / panel.tick
    assert 1.0 < spread.mean() < 2.0
    types = np.bincount(panel.fields["event_type"].astype(int), minlength=5) / panel.n_rows
    assert types[0] == 0
    assert types[1] == pytest.approx(0.47, abs=0.05)
    assert 0.05 < types[4] < 0.15


def test_market_orders_keep_their_sign_for_a_while(panel):
    """The sign of trades is positively autocorrelated, less so the further apart (Lillo-Mike-Farmer)."""
    signs = []
    for kind, side, time in zip(
        *(sessions(panel, v) for v in (panel.fields["event_type"], panel.fields["event_side"], panel.time)),
        strict=True,
    ):
        trade = kind == 4
        # Executions at one time are one market order.
        first = np.append(True, np.diff(time[trade]).astype(np.int64) > 0)
        signs.append(-side[trade][first])
    lags = [np.mean([np.mean(s[:-k] * s[k:]) - s.mean() ** 2 for s in signs]) for k in (1, 5, 20)]
    assert lags[0] > lags[1] > lags[2] > 0.02


def test_queue_imbalance_predicts_the_next_move_of_the_mid(panel):
    imbalance, up = [], []
    for x, mid in zip(sessions(panel, imbalance_of(panel)), sessions(panel, mid_of(panel)), strict=True):
        moves = np.flatnonzero(np.diff(mid))
        following = np.searchsorted(moves, np.arange(len(mid) - 1))
        known = following < len(moves)
        imbalance.append(x[:-1][known])
        up.append(np.diff(mid)[moves[following[known]]] > 0)
    imbalance, up = np.concatenate(imbalance), np.concatenate(up)
    bins = np.clip(((imbalance + 1) / 2 * 5).astype(int), 0, 4)
    share = np.array([up[bins == b].mean() for b in range(5)])
    assert (np.diff(share) > 0.03).all()
    assert share[0] < 0.35
    assert share[-1] > 0.65
    assert share + share[::-1] == pytest.approx(1.0, abs=0.08)


def order_flow_imbalance(fields):
    """Cont-Kukanov-Stoikov 2014 at the best level, a value a row."""
    a, qa, b, qb = (fields[k][:, 0] for k in ("ask_price", "ask_size", "bid_price", "bid_size"))
    flow = np.zeros(len(a))
    flow[1:] = (b[1:] >= b[:-1]) * qb[1:] - (b[1:] <= b[:-1]) * qb[:-1]
    flow[1:] += (a[1:] >= a[:-1]) * qa[:-1] - (a[1:] <= a[:-1]) * qa[1:]
    return flow


def test_a_simple_model_learns_the_movement_and_nothing_from_shuffled_labels(panel):
    inputs, labels = [], []
    for start, stop in panel.bounds.tolist():
        fields = {name: values[start:stop] for name, values in panel.fields.items()}
        total = np.append(0.0, np.cumsum(order_flow_imbalance(fields)))
        ends = np.arange(300, ROWS - HORIZON)
        columns = [imbalance_of(panel)[start:stop][ends]]
        columns += [total[ends + 1] - total[ends + 1 - k] for k in (10, 30, 100, 300)]
        mid = mid_of(panel)[start:stop]
        inputs.append(np.stack(columns, axis=1)[::5])
        labels.append(np.sign(mid[ends + HORIZON] - mid[ends])[::5])
    half = SESSIONS // 2
    scaler = StandardScaler().fit(np.concatenate(inputs[:half]))
    train, test = (scaler.transform(np.concatenate(x)) for x in (inputs[:half], inputs[half:]))

    y_train, y_test = np.concatenate(labels[:half]), np.concatenate(labels[half:])

    def learned(y):
        # Of balanced classes, or it would answer the commonest class whatever the inputs, an MCC of 0.
        model = LogisticRegression(class_weight="balanced", max_iter=200)
        return matthews_corrcoef(y_test, model.fit(train, y).predict(test))

    shuffled = [learned(np.random.default_rng(seed).permutation(y_train)) for seed in range(5)]
    # The labels of neighbouring rows overlap, so chance is as wide as five sessions' moves allow: .1, far more
    # than 1/sqrt of the rows.
    assert np.abs(shuffled).max() < 0.1 < learned(y_train) < 0.35
    assert np.abs(shuffled).min() > 0  # of several classes, so that there is something to score
