"""Damaged copies, of a day made here and of the start of a real one: each refused with file, row and reason."""

import numpy as np
import pytest

from tests.sources.lobster_days import EMPTY, made_day, real_day
from tsdeep import DataError
from tsdeep.sources import Lobster


@pytest.fixture(params=[made_day, real_day])
def day(request):
    return request.param()


@pytest.fixture
def refused(day, tmp_path):
    """Expect a message that begins with the file and goes on as given, from a folder and from a zip alike."""

    def check(kind, message, **settings):
        for path in (day.write(tmp_path / "day"), day.write_zip(tmp_path / "day.zip")):
            with pytest.raises(DataError, match=rf"_{kind}_{day.levels}\.csv: {message}"):
                Lobster(path=path, **settings).book()

    return check


def test_the_copy_is_read_before_it_is_damaged(day, tmp_path):
    assert Lobster(path=day.write(tmp_path)).book().n_rows == len(day.message)


@pytest.mark.parametrize("kind", ["message", "book"])
def test_a_dropped_row_is_refused(day, refused, kind):
    n_rows = len(day.message)
    del getattr(day, kind)[7]
    book, message = (n_rows, n_rows - 1) if kind == "message" else (n_rows - 1, n_rows)
    refused(
        "orderbook", rf"found {book} rows, the message file has {message}; expected one book row for each"
    )


def test_swapped_times_are_refused(day, refused):
    row = next(r for r in range(20, 60) if day.message[r][0] != day.message[r + 1][0])
    one, two = day.message[row], day.message[row + 1]
    one[0], two[0] = two[0], one[0]
    value, before = (np.float64(line[0]) for line in (two, one))
    refused("message", rf"row {row + 1}: unordered times, {value} follows {before} \(1 such rows\)")


def test_a_crossed_row_is_refused_and_may_be_removed(day, refused, tmp_path):
    day.book[11][0], day.book[11][2] = str(int(day.book[11][2]) - 100), day.book[11][2]
    refused(
        "orderbook",
        r"row 11, GOOG, 2012-06-21 .* UTC: found a crossed book, .*\(1 such rows\); .*crossed: remove",
    )
    panel = Lobster(path=day.write(tmp_path / "day"), crossed="remove").book()
    assert panel.n_rows == len(day.message) - 1
    assert panel.notes == (f"Left out 1 of {panel.n_rows + 1} rows: the book is crossed (crossed).",)


def test_a_locked_row_is_refused(day, refused):
    day.book[11][2] = day.book[11][0]
    refused("orderbook", r"row 11, .* found a locked book")


def test_an_empty_side_is_refused_and_may_be_removed(day, refused, tmp_path):
    for level in range(day.levels):
        day.book[9][4 * level : 4 * level + 2] = [str(EMPTY), "0"]
    refused("orderbook", r"row 9, .* found a one-sided book, best ask 9999999999\.0 \(size 0\.0\)")
    assert Lobster(path=day.write(tmp_path / "day"), crossed="remove").book().n_rows == len(day.message) - 1


def test_an_empty_level_before_an_occupied_one_is_refused(day, refused):
    day.book[9][6:8] = [str(-EMPTY), "0"]
    refused("orderbook", r"row 9, .* bid level 3 is occupied .* behind level 2, which is not")


@pytest.mark.parametrize(("column", "side", "word"), [(0, "ask", "above"), (2, "bid", "below")])
def test_unordered_levels_are_refused(day, refused, column, side, word):
    line = day.book[30]
    line[column + 4], line[column + 8] = line[column + 8], line[column + 4]
    refused("orderbook", rf"row 30, .*: unordered levels: {side} level 3 at .* is not {word} level 2")


@pytest.mark.parametrize("size", ["0", "-5"])
@pytest.mark.parametrize(("column", "name"), [(1, "ask size 1"), (7, "bid size 2")])
def test_a_size_that_is_not_positive_is_refused(day, refused, size, column, name):
    day.book[3][column] = size
    refused("orderbook", rf"row 3: {name} is {size}, expected a size above zero, as the level has a price")


def test_an_unoccupied_level_with_a_size_is_refused(day, refused):
    last = 4 * (day.levels - 1)
    day.book[3][last] = str(EMPTY)
    refused(
        "orderbook", rf"row 3: ask size {day.levels} is \d+, expected 0, as the level's price is LOBSTER's"
    )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "-1", "time is -1.0, expected seconds after midnight, 0 to 86400"),
        (0, "nan", "time is '?nan'?, expected "),
        (0, "9:30", "time is '9:30', expected a number"),
        (0, "", "time is '', expected a number"),
        (1, "8", "event type is 8, expected 1 to 7"),
        (1, "0", "event type is 0, expected 1 to 7"),
        (1, "one", "type is 'one', expected a whole number"),
        (3, "0", "size is 0, expected a size above zero"),
        (3, "-10", "size is -10, expected a size above zero"),
        (4, "-100", "price is -100, expected a price above zero"),
        (4, "5794000.5", r"price is '5794000\.5', expected a whole number"),
        (4, "99999999999999999999", "price is '9+', expected a whole number"),
        (5, "0", r"direction is 0, expected 1 \(buy\) or -1 \(sell\)"),
    ],
)
def test_a_message_that_cannot_be_is_refused(day, refused, column, value, message):
    day.message[13][1] = "1"
    day.message[13][column] = value
    refused("message", rf"row 13: {message}")


@pytest.mark.parametrize(
    ("value", "shown"), [("5802300.5", r"5802300\.5"), ("", ""), ("n/a", "n/a"), ("1e6", "1e6")]
)
def test_a_book_price_that_is_no_whole_number_is_refused(day, refused, value, shown):
    day.book[13][4] = value
    refused("orderbook", rf"row 13: ask price 2 is '{shown}', expected a whole number")


def test_a_negative_price_is_refused(day, refused):
    day.book[13][4 * (day.levels - 1) + 2] = "-100"
    refused(
        "orderbook", rf"row 13, .*: bid level {day.levels} has size .* at price -100\.0, expected a price"
    )


@pytest.mark.parametrize("by", [1, -1])
def test_rows_that_are_shifted_against_each_other_are_refused(day, refused, by):
    """As many rows as messages: one row is dropped at one end and another one added at the other."""
    day.book = [day.book[0], *day.book[:-1]] if by == 1 else [*day.book[1:], day.book[-1]]
    refused(
        "message",
        rf"row \d+: a visible execution of \d+ at \d+, expected it at the best (bid|ask) of the row before in "
        rf"{day.name('orderbook')}, which is \d+ \(size \d+\), and its size gone in row \d+, .*; (\d+) of \d+ visible "
        r"executions do not match, at most 1% may: are the rows of the two files shifted against each other\?",
    )


@pytest.mark.parametrize("settings", [{"same_time": "last"}, {"trim_start": "5min"}, {"levels": 1}])
def test_executions_are_checked_before_rows_are_left_out(day, tmp_path, settings):
    """Of what is left, rows before an execution may be other ones."""
    path = day.write(tmp_path / "day")
    if settings == {"trim_start": "5min"} and float(day.message[-1][0]) < 34_500:
        settings = {"trim_start": "1s"}
    assert Lobster(path=path, **settings).book().n_rows <= len(day.message)
    day.book = [day.book[0], *day.book[:-1]]
    with pytest.raises(DataError, match="shifted against each other"):
        Lobster(path=day.write(tmp_path / "day"), **settings).book()


def test_the_row_of_the_first_execution_that_does_not_match_is_told(tmp_path):
    day = real_day()
    first = next(row for row in range(1, 500) if day.message[row][1] == "4" and row > 100)
    for row in range(100, 500):
        if day.message[row][1] == "4":
            day.message[row][4] = str(int(day.message[row][4]) + 100)
    n_wrong = sum(line[1] == "4" for line in day.message[100:])
    n_all = sum(line[1] == "4" for line in day.message[1:])
    with pytest.raises(DataError, match=rf": row {first}: .*; {n_wrong} of {n_all} visible executions"):
        Lobster(path=day.write(tmp_path)).book()


def test_up_to_three_odd_executions_of_a_short_file_are_no_shift(tmp_path):
    day = real_day()
    rows = [row for row in range(1, 500) if day.message[row][1] == "4"]
    for row in rows[:3]:
        day.message[row][4] = str(int(day.message[row][4]) + 100)
    assert Lobster(path=day.write(tmp_path)).book().n_rows == 500
    day.message[rows[3]][4] = str(int(day.message[rows[3]][4]) + 100)
    with pytest.raises(DataError, match=rf"; 4 of {len(rows)} visible executions do not match"):
        Lobster(path=day.write(tmp_path)).book()


@pytest.mark.parametrize("more", [1, -1])
def test_a_row_with_another_number_of_columns_is_refused(day, refused, more):
    day.message[17] = [*day.message[17], "1"] if more == 1 else day.message[17][:-1]
    refused("message", rf"row 17: found {6 + more} columns \(.*\), expected 6")


def test_a_book_of_other_levels_than_its_name_says_is_refused(day, refused):
    day.levels -= 1
    n_columns = 4 * day.levels
    refused("orderbook", rf"row 0: found {n_columns + 4} columns \(.*\), expected {n_columns}")


def test_a_header_or_an_empty_file_is_refused(day, refused):
    day.message.insert(0, ["time", "type", "id", "size", "price", "direction"])
    refused("message", r"row 0: time is 'time', expected a number")
    day.message = []
    refused("message", "the file is empty")


def test_a_halt_message_of_unknown_meaning_is_refused(day, refused):
    day.halt(20, 3)
    refused(
        "message", r"row 20: price of a halt message is 3, expected -1 \(halt\), 0 \(quoting resumes\) or 1"
    )


def test_a_halt_put_into_the_copy_cuts_it(day, tmp_path):
    n_rows = len(day.message)
    panel = Lobster(path=day.halt(40, 1).halt(30, -1, 0).write(tmp_path)).book()
    assert panel.bounds.tolist() == [[0, 30], [30, n_rows - 10]]


def test_a_tick_that_prices_are_no_multiples_of_is_refused(day, tmp_path):
    with pytest.raises(
        DataError, match=r"symbol 'GOOG', row \d+, .* ticks of 700\.0 .*; is the tick right\?"
    ):
        Lobster(path=day.write(tmp_path), tick=700.0).book()
