import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.fi2010_copies import (
    SETUP_2,
    SINGLE_DAYS,
    TICK,
    day,
    make_days,
    name,
    training,
    write,
)
from tsdeep import DataError, SpecError, WalkForward
from tsdeep.books import check_book
from tsdeep.sources import Fi2010, make_source
from tsdeep.sources.fi2010_blocks import PUBLISHED

HORIZONS = (1, 2, 3, 5, 10)
LENGTHS = np.random.default_rng(0).integers(11, 40, (10, 5))


@pytest.fixture(scope="module")
def days():
    return make_days(LENGTHS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, days):
    return write(tmp_path_factory.mktemp("fi2010"), days, SETUP_2)


def setup_2(lengths):
    """Stock, day and rows of the segments that setup 2 must have, in the order of the files."""
    train = [(stock, number, lengths[number - 1][stock]) for stock in range(5) for number in range(1, 8)]
    return train + [
        (stock, number, lengths[number - 1][stock]) for number in (8, 9, 10) for stock in range(5)
    ]


def samples_of(panel, lookback, horizon):
    """What a task that takes the given labels makes of a panel, as splitters see it."""
    label = panel.fields[f"label_{horizon}"]
    last = panel.bounds[panel.segment, 1] - 1
    end = np.where(np.isnan(label), -1, np.minimum(np.arange(panel.n_rows) + horizon, last))
    ends = np.concatenate([np.arange(min(a + lookback - 1, b), b) for a, b in panel.bounds.tolist()])
    return SimpleNamespace(
        rows=ends[end[ends] >= 0],
        time=panel.time,
        label_end=end,
        session=panel.session,
        symbol=panel.symbol,
    )


def windows(panel, lookback):
    return int(np.maximum(np.diff(panel.bounds)[:, 0] - lookback + 1, 0).sum())


def test_segments_are_the_stocks_and_days_of_the_files(folder, days):
    panel = Fi2010(path=str(folder)).book()
    expected = setup_2(LENGTHS)
    assert np.diff(panel.bounds)[:, 0].tolist() == [rows for _, _, rows in expected]
    assert panel.symbols == tuple(f"FI{stock + 1}" for stock, _, _ in expected)
    dates = np.unique(panel.session_date)
    assert len(dates) == 10
    firsts = panel.session_date[panel.bounds[:, 0]]
    assert (firsts == dates[[number - 1 for _, number, _ in expected]]).all()
    assert (panel.session_date == panel.time.astype("datetime64[D]")).all()


def test_fields_are_those_of_the_files(folder, days):
    panel = Fi2010(path=str(folder)).book()
    values = np.concatenate([training(days, 7), *(day(days, number) for number in (8, 9, 10))], axis=1)
    for level in range(10):
        for number, field in enumerate(("ask_price", "ask_size", "bid_price", "bid_size")):
            np.testing.assert_array_equal(panel.fields[field][:, level], values[4 * level + number])
    ends = panel.bounds[:, 1]
    for number, horizon in enumerate(HORIZONS):
        label = panel.fields[f"label_{horizon}"]
        missing = np.zeros(panel.n_rows, bool)
        for stop in ends:
            missing[stop - horizon : stop] = True
        assert (np.isnan(label) == missing).all()
        # In the files 1 is up and 3 down.
        expected = np.array([np.nan, 2.0, 1.0, 0.0])[values[40 + number].astype(int)]
        np.testing.assert_array_equal(label[~missing], expected[~missing])
    check_book(panel)
    assert panel.tick == TICK
    assert panel.row == "ten book events"
    assert any("made up" in note for note in panel.notes)


@settings(max_examples=8, deadline=None)
@given(
    lengths=st.lists(st.lists(st.integers(11, 30), min_size=5, max_size=5), min_size=10, max_size=10),
    kind=st.sampled_from(["DecPre", "ZScore", "MinMax"]),
    seed=st.integers(0, 2**32),
)
def test_boundaries_are_found_for_any_lengths_and_normalisation(tmp_path_factory, lengths, kind, seed):
    days = make_days(lengths, seed)
    folder = write(tmp_path_factory.mktemp("lengths"), days, SETUP_2, kind)
    panel = Fi2010(path=str(folder), normalisation=kind).book()
    assert np.diff(panel.bounds)[:, 0].tolist() == [rows for _, _, rows in setup_2(lengths)]
    labels = np.concatenate([training(days, 7), *(day(days, number) for number in (8, 9, 10))], axis=1)[40]
    known = ~np.isnan(panel.fields["label_1"])
    np.testing.assert_array_equal(panel.fields["label_1"][known], (3 - labels)[known])


def test_no_window_straddles_a_stock_or_a_day(folder):
    panel = Fi2010(path=str(folder)).book()
    lookback = 10
    assert windows(panel, lookback) == panel.n_rows - (lookback - 1) * 50


def test_paper_windows_are_those_of_one_segment_a_set(folder):
    panel = Fi2010(path=str(folder), fidelity="paper").book()
    train, test = int(LENGTHS[:7].sum()), int(LENGTHS[7:].sum())
    counts = [int(train * 0.8), train - int(train * 0.8), test]
    assert np.diff(panel.bounds)[:, 0].tolist() == counts
    folds = list(
        WalkForward(train="1 session", valid="1 session", test="1 session").split(samples_of(panel, 20, 10))
    )
    assert [len(folds[0].train), len(folds[0].valid), len(folds[0].test)] == [n - 19 for n in counts]
    assert len(folds) == 1
    assert not any(np.isnan(panel.fields[f"label_{horizon}"]).any() for horizon in HORIZONS)
    strict = Fi2010(path=str(folder)).book()
    assert windows(panel, 10) - windows(strict, 10) == 9 * (50 - 3)


def test_sessions_give_the_folds_of_setup_2(folder):
    panel = Fi2010(path=str(folder)).book()
    cv = WalkForward(train="6 sessions", valid="1 session", test="3 sessions")
    (fold,) = cv.split(samples_of(panel, 5, 1))
    number = panel.session + 1
    assert set(number[fold.train]) == set(range(1, 7))
    assert set(number[fold.valid]) == {7}
    assert set(number[fold.test]) == {8, 9, 10}
    # A label at one row: each segment of 11 rows or more loses 4 to the window and 1 to the label.
    assert len(fold.train) == LENGTHS[:6].sum() - 5 * 30


def test_setup_1_reads_a_fold_or_all_days(folder, days):
    write(folder, days, [("Train", 3)])
    panel = Fi2010(path=str(folder), setup=1, fold=3).book()
    expected = [(s, d, LENGTHS[d - 1][s]) for s in range(5) for d in (1, 2, 3)]
    expected += [(s, 4, LENGTHS[3][s]) for s in range(5)]
    assert np.diff(panel.bounds)[:, 0].tolist() == [rows for _, _, rows in expected]
    every = Fi2010(path=str(folder), setup=1).book()
    assert np.diff(every.bounds)[:, 0].tolist() == LENGTHS.ravel().tolist()
    folds = list(WalkForward(train="1 session", test="1 session").split(samples_of(every, 5, 1)))
    assert len(folds) == 9
    assert [set(every.session[fold.train] + 1) for fold in folds] == [
        set(range(1, k + 1)) for k in range(1, 10)
    ]
    assert [set(every.session[fold.test] + 1) for fold in folds] == [{k + 1} for k in range(1, 10)]


def test_the_first_fold_needs_its_two_files_alone(tmp_path, days):
    write(tmp_path, days, [("Train", 1), ("Test", 1)], "ZScore")
    panel = Fi2010(path=str(tmp_path), setup=1, fold=1, normalisation="ZScore").book()
    assert np.diff(panel.bounds)[:, 0].tolist() == LENGTHS[:2].ravel().tolist()
    assert panel.tick is None


def test_decimal_precision_beside_them_tells_where_stocks_begin(tmp_path, days):
    """Each stock z-scored by itself has no steps; the prices of the DecPre files do."""
    write(tmp_path, days, SINGLE_DAYS[:2])
    flat = [[block.copy() for block in blocks] for blocks in days]
    for blocks in flat:
        for block in blocks:
            block[:40] -= block[:40].mean(axis=1, keepdims=True)
    write(tmp_path, flat, SINGLE_DAYS[:2], "ZScore")
    source = Fi2010(path=str(tmp_path), setup=1, fold=1, normalisation="ZScore")
    assert np.diff(source.book().bounds)[:, 0].tolist() == LENGTHS[:2].ravel().tolist()
    for file in tmp_path.rglob("*DecPre*.txt"):
        file.unlink()
    with pytest.raises(DataError, match=r"CF_1.txt: found no four steps of the best ask that stand out"):
        source.book()


def test_a_zip_and_zips_in_a_folder_read_the_same(folder, tmp_path):
    expected = Fi2010(path=str(folder)).book().fingerprint()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in folder.rglob("*.txt"):
            archive.write(file, file.relative_to(folder))
    assert Fi2010(path=str(tmp_path / "all.zip")).book().fingerprint() == expected
    (tmp_path / "one").mkdir()
    for file in folder.rglob("*.txt"):
        with zipfile.ZipFile(tmp_path / "one" / f"{file.name}.zip", "w") as archive:
            archive.write(file, file.name)
    assert Fi2010(path=str(tmp_path / "one")).book().fingerprint() == expected


def test_auction_files_are_read_when_asked_for(tmp_path, days):
    write(tmp_path, days, SINGLE_DAYS[:2], auction=True)
    panel = Fi2010(path=str(tmp_path), setup=1, fold=1, auction=True).book()
    assert panel.n_rows == LENGTHS[:2].sum()
    with pytest.raises(DataError, match=r"Train_Dst_NoAuction_DecPre_CF_1.txt is not there"):
        Fi2010(path=str(tmp_path), setup=1, fold=1).book()


def test_other_lengths_than_published_are_said(folder):
    notes = Fi2010(path=str(folder)).book().notes
    assert any("Train_Dst_NoAuction_DecPre_CF_7.txt has" in note and "254,750" in note for note in notes)
    assert sum(PUBLISHED) == 394_337
    assert sum(PUBLISHED[:7]) == 254_750
    assert sum(PUBLISHED[7:]) == 139_587


def test_training_days_are_not_guessed_from_the_training_file(tmp_path, days):
    """The four files that most copies have: enough for the papers' windows, not for days."""
    write(tmp_path, days, [("Train", 7), ("Test", 7), ("Test", 8), ("Test", 9)])
    with pytest.raises(DataError, match=r"Train_Dst_NoAuction_DecPre_CF_1.txt is not there.*fidelity: paper"):
        Fi2010(path=str(tmp_path)).book()
    assert Fi2010(path=str(tmp_path), fidelity="paper").book().n_rows == LENGTHS.sum()


def test_stocks_of_like_prices_are_not_guessed(tmp_path, days):
    near = [[block.copy() for block in blocks] for blocks in days]
    for blocks in near:
        blocks[1][0:40:2] += blocks[0][0, -1] - blocks[1][0, 0]
    write(tmp_path, near, SINGLE_DAYS[:2])
    with pytest.raises(DataError, match=r"Train_Dst_NoAuction_DecPre_CF_1.txt: found no four steps"):
        Fi2010(path=str(tmp_path), setup=1, fold=1).book()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("order", "should be stock 1 on day 1, and their labels are not those of"),
        ("short", "columns and its 2 days, by themselves"),
    ],
)
def test_a_training_file_that_its_days_do_not_make_up_is_refused(tmp_path, days, damage, message):
    write(tmp_path, days, [("Train", 2), *SINGLE_DAYS[:3]])
    swapped = [days[1], days[0], *days[2:]] if damage == "order" else [[b[:, 1:] for b in d] for d in days]
    write(tmp_path, swapped, [("Train", 2)])
    with pytest.raises(DataError, match=message):
        Fi2010(path=str(tmp_path), setup=1, fold=2).book()


def damaged(lines, damage):
    if damage == "rows":
        return lines[:-1]
    if damage == "ragged":
        return [*lines[:3], lines[3].rsplit(None, 1)[0], *lines[4:]]
    if damage == "word":
        return [lines[0].replace("0.", "x.", 1), *lines[1:]]
    if damage == "nan":
        return [*lines[:1], "nan" + lines[1].strip()[1:].lstrip("0123456789.e-"), *lines[2:]]
    if damage == "label":
        return [*lines[:148], lines[148].replace("1.0000000e+00", "4.0000000e+00", 1)]
    return [lines[2], lines[1], lines[0], *lines[3:]]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("rows", "found 148 rows, expected 149"),
        ("ragged", r"row 4 has \d+ values, row 1 \d+"),
        ("word", "row 1: could not convert string to float"),
        ("nan", "row 2, column 1 is nan, expected a finite number"),
        ("label", r"row 149, column \d+ is 4.0, expected a label 1, 2 or 3"),
        ("crossed", "symbol 'FI1', row 0, .*: found a crossed book"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path, days, damage, message):
    write(tmp_path, days, SINGLE_DAYS[:2])
    file = next(tmp_path.rglob(name("Train", 1)))
    file.write_text("\n".join(damaged(file.read_text().splitlines(), damage)))
    with pytest.raises(DataError, match=message):
        Fi2010(path=str(tmp_path), setup=1, fold=1).book()


def test_places_without_the_files_are_refused(tmp_path, days):
    with pytest.raises(DataError, match="found no folder and no zip there"):
        Fi2010(path=str(tmp_path / "nowhere")).book()
    with pytest.raises(DataError, match="found no file of FI-2010, expected names as"):
        Fi2010(path=str(tmp_path)).book()
    with zipfile.ZipFile(tmp_path / "published.zip", "w") as archive:
        archive.writestr("BenchmarkDatasets/BenchmarkDatasets.zip", b"")
    with pytest.raises(DataError, match=r"it holds BenchmarkDatasets/BenchmarkDatasets.zip: unpack it first"):
        Fi2010(path=str(tmp_path / "published.zip")).book()
    for copy in ("a", "b"):
        write(tmp_path / copy, days, [("Train", 1)])
    with pytest.raises(DataError, match=r"Train_Dst_NoAuction_DecPre_CF_1.txt is there twice"):
        Fi2010(path=str(tmp_path)).book()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"fold": 3}, "found fold 3 with setup 2"),
        ({"setup": 1, "fold": 10}, "fold: found 10"),
        ({"setup": 1, "fidelity": "paper"}, "setup 1 and no fold, expected a fold"),
        ({"setup": 1, "normalisation": "ZScore"}, "expected a fold: the scale differs"),
        ({"normalisation": "zscore"}, "normalisation: found 'zscore', expected"),
    ],
)
def test_settings_that_do_not_fit_are_refused(spec, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "fi2010", "path": "x", **spec})


def full_size_text(prices, labels):
    """149 lines of published length, short: a price, a size and a feature are one value a block."""
    ask, bid = (b"".join(b"%.2f " % (p + d) * n for p, n in prices) for d in (0.01, 0.0))
    rows = sum(n for _, n in prices)
    given = np.where(np.arange(2 * rows) % 2 == 0, np.repeat(labels + ord("0"), 2), ord(" ")).astype(np.uint8)
    lines = [ask, b"1 " * rows, bid, b"1 " * rows] * 10 + [b"0 " * rows] * 104 + [given.tobytes()] * 5
    return b"\n".join(lines)


@pytest.mark.slow
def test_windows_of_the_published_lengths(tmp_path):
    """Setup 2 at T=100: 203,701, 50,851 and 139,488 windows as in the papers, else 99 fewer a boundary."""
    rng = np.random.default_rng(0)
    prices = (0.27, 0.13, 0.17, 0.12, 0.35)
    lengths = [
        np.diff([0, *np.sort(rng.choice(n // 1000, 4, replace=False) + 1) * 1000, n]) for n in PUBLISHED
    ]
    labels = [[rng.integers(1, 4, n) for n in row] for row in lengths]
    path = tmp_path / "BenchmarkDatasets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def add(part, fold, pairs):
            blocks = [(prices[stock], lengths[d][stock]) for stock, d in pairs]
            given = np.concatenate([labels[d][stock] for stock, d in pairs])
            archive.writestr(name(part, fold, "ZScore"), full_size_text(blocks, given))

        add("Train", 7, [(stock, d) for stock in range(5) for d in range(7)])
        add("Train", 1, [(stock, 0) for stock in range(5)])
        for fold in range(1, 10):
            add("Test", fold, [(stock, fold) for stock in range(5)])
    paper = Fi2010(path=str(path), normalisation="ZScore", fidelity="paper").book()
    (fold,) = WalkForward(train="1 session", valid="1 session", test="1 session").split(
        samples_of(paper, 100, 10)
    )
    assert (len(fold.train), len(fold.valid), len(fold.test)) == (203_701, 50_851, 139_488)
    assert not any("published file" in note for note in paper.notes)
    strict = Fi2010(path=str(path), normalisation="ZScore").book()
    assert np.diff(strict.bounds)[:, 0].tolist() == [rows for _, _, rows in setup_2(lengths)]
    assert windows(strict, 100) == 254_750 + 139_587 - 99 * 50
