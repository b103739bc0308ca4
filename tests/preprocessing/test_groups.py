"""Tests of groups: where their labels may come from, and what labels may be."""

import datetime

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skrnn.preprocessing import SlidingWindow
from tests.preprocessing.reference import reference_windows

SHOPS = np.array(["north", "south", "north", "east", "south", "north"], dtype=object)
SALES = np.arange(12.0).reshape(6, 2)
EXPECTED = reference_windows(SALES, SHOPS, 2)


@pytest.fixture(params=["pandas", "polars"])
def library(request):
    return pytest.importorskip(request.param)


def make_table(library, shops=SHOPS):
    """Return a data frame whose column of labels stands between two of numbers."""
    return library.DataFrame({"a": SALES[:, 0], "shop": shops, "b": SALES[:, 1]})


# a group column


@pytest.mark.parametrize("column", ["shop", 1, -2])
def test_column_of_a_data_frame(library, column):
    transformer = SlidingWindow(2, group_column=column)
    table = make_table(library)
    np.testing.assert_array_equal(transformer.fit_transform(table), EXPECTED, strict=True)
    np.testing.assert_array_equal(transformer.fit(table).transform(table), EXPECTED, strict=True)
    assert transformer.n_features_in_ == 3
    assert transformer.feature_names_in_.tolist() == ["a", "shop", "b"]
    assert transformer.n_groups_ == 3


def test_categories_are_labels(library):
    table = make_table(library, SHOPS.tolist())
    if library.__name__ == "pandas":
        table["shop"] = table["shop"].astype("category")
    else:
        table = table.with_columns(library.col("shop").cast(library.Categorical))
    np.testing.assert_array_equal(SlidingWindow(2, group_column="shop").fit_transform(table), EXPECTED)


def test_masked_and_partly_missing_rows_pass_beside_a_group_column():
    table = np.column_stack([SALES[:, 0], SHOPS, SALES[:, 1]])
    table[1, [0, 2]] = np.nan
    table[4, 0] = np.nan
    windows = SlidingWindow(1, group_column=1).fit_transform(table)
    np.testing.assert_array_equal(windows[:, 0], table[:, [0, 2]].astype(float))
    np.testing.assert_array_equal(np.isnan(windows[:, 0]).sum(axis=1), [0, 2, 0, 0, 1, 0])


def test_data_frame_without_rows(library):
    with pytest.raises(ValueError, match=r"X.* 0 sample\(s\).* required by SlidingWindow"):
        SlidingWindow(2, group_column="shop").fit(make_table(library)[:0])


@pytest.mark.parametrize("dtype", ["Int64", "string", "datetime64[ns]", "datetime64[ns, UTC]"])
def test_dtypes_of_pandas_are_labels(dtype):
    pd = pytest.importorskip("pandas")
    numbers = np.unique(SHOPS, return_inverse=True)[1]
    table = make_table(pd, pd.Series(numbers).astype(dtype))
    transformer = SlidingWindow(2, group_column="shop", carry_context=True)
    np.testing.assert_array_equal(transformer.fit_transform(table), EXPECTED)
    np.testing.assert_array_equal(transformer.fit(table[:3]).transform(table[3:]), EXPECTED[3:])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_of_a_data_frame_keep_their_dtype(dtype):
    pd = pytest.importorskip("pandas")
    table = make_table(pd).astype({"a": dtype, "b": dtype})
    assert SlidingWindow(2, group_column="shop").fit_transform(table).dtype == dtype


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("form", ["objects", "list", "numbers"])
def test_column_by_position(position, form):
    labels = np.unique(SHOPS, return_inverse=True)[1] if form == "numbers" else SHOPS
    X = np.insert(SALES.astype(float if form == "numbers" else object), position, labels, axis=1)
    X = X.tolist() if form == "list" else X
    for column in (position, position - 3):
        transformer = SlidingWindow(2, group_column=column)
        np.testing.assert_array_equal(transformer.fit_transform(X), EXPECTED, strict=True)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_array_with_a_group_column_stays_float32_and_unwritten(position):
    X = np.insert(SALES.astype(np.float32), position, [0, 1, 0, 2, 1, 0], axis=1)
    X.setflags(write=False)
    windows = SlidingWindow(2, group_column=position).fit_transform(X)
    np.testing.assert_array_equal(windows, EXPECTED.astype(np.float32), strict=True)


def test_position_of_fit_holds_for_an_array_without_names():
    pd = pytest.importorskip("pandas")
    transformer = SlidingWindow(2, group_column="shop").fit(make_table(pd))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        windows = transformer.transform(make_table(pd).to_numpy())
    np.testing.assert_array_equal(windows, EXPECTED)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("store", r"group_column is 'store', but X has the columns \['a', 'shop', 'b'\]"),
        (3, "group_column is 3, but X has 3 columns"),
        (-4, "group_column is -4, but X has 3 columns"),
    ],
)
def test_absent_column(library, column, message, method):
    with pytest.raises(ValueError, match=message):
        getattr(SlidingWindow(2, group_column=column), method)(make_table(library))


def test_name_of_two_columns():
    pd = pytest.importorskip("pandas")
    table = make_table(pd).set_axis(["shop", "shop", "b"], axis=1)
    with pytest.raises(ValueError, match=r"group_column is 'shop', but X has the columns|unique column names"):
        SlidingWindow(2, group_column="shop").fit(table)


def test_array_has_no_names():
    with pytest.raises(ValueError, match="group_column is 'shop', but X has columns without names"):
        SlidingWindow(2, group_column="shop").fit(SALES)


def test_column_must_leave_a_feature(library):
    with pytest.raises(
        ValueError, match=r"X has 1 feature\(s\), the group column, but SlidingWindow requires at least one more"
    ):
        SlidingWindow(2, group_column="shop").fit(make_table(library)[["shop"]])
    with pytest.raises(
        ValueError, match=r"X has 1 feature\(s\), the group column, but SlidingWindow requires at least one more"
    ):
        SlidingWindow(2, group_column=0).fit(SALES[:, :1])


def test_columns_must_be_those_of_fit():
    pd = pytest.importorskip("pandas")
    table = make_table(pd)
    transformer = SlidingWindow(2, group_column="shop").fit(table)
    with pytest.raises(ValueError, match="feature names should match"):
        transformer.transform(table[["shop", "a", "b"]])
    with pytest.raises(ValueError, match="X has 2 features, but SlidingWindow is expecting 3 features"):
        SlidingWindow(2, group_column=0).fit(SALES[:, [0, 1, 1]]).transform(SALES)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(3), ValueError, "Expected 2D array, got 1D array instead"),
        (np.ones((2, 2, 2)), ValueError, "Found array with dim 3"),
        (np.ones((0, 2)), ValueError, r"Found array with 0 sample\(s\)"),
        (np.array([["a", "1.0"]]), ValueError, "not compatible with arrays of bytes/strings"),
        ([["a", "b"]], ValueError, "not compatible with arrays of bytes/strings"),
        ([["a", np.inf]], ValueError, "Input X contains infinity"),
        (sparse.csr_matrix(np.ones((3, 2))), TypeError, "Sparse data was passed"),
    ],
)
def test_other_forms_of_x_are_errors(X, error, message):
    with pytest.raises(error, match=message):
        SlidingWindow(group_column=0).fit(X)


def test_other_column_of_strings_is_an_error(library):
    with pytest.raises(ValueError, match=r"could not convert string to float|X has dtype object"):
        SlidingWindow(group_column="a").fit(make_table(library))


# an array of groups


@pytest.mark.parametrize("form", [np.asarray, list, tuple, "pandas", "polars"])
def test_groups_in_any_container(form):
    if isinstance(form, str):
        form = pytest.importorskip(form).Series
    groups = form(SHOPS.tolist())
    np.testing.assert_array_equal(SlidingWindow(2).fit_transform(SALES, groups=groups), EXPECTED, strict=True)
    fitted = SlidingWindow(2).fit(SALES, groups=groups)
    np.testing.assert_array_equal(fitted.transform(SALES, groups=groups), EXPECTED, strict=True)
    assert fitted.n_features_in_ == 2
    assert fitted.n_groups_ == 3


def test_labels_of_several_types_stay_apart():
    groups = [1, "1", 1, 1.5, "1", 1]  # np.asarray makes strings of all
    np.testing.assert_array_equal(SlidingWindow(2).fit_transform(SALES, groups=groups), EXPECTED)


@pytest.mark.parametrize(
    ("missing", "name"), [(np.nan, "nan"), (None, "None"), (float("nan"), "nan"), (np.datetime64("NaT"), "NaT")]
)
@pytest.mark.parametrize("others", [["a", "b"], [1.0, 2.0], [("a", 1), "b"]])
def test_missing_label(missing, name, others):
    groups = np.array([*others, None], dtype=object)
    groups[2] = missing
    for container in (groups, groups.tolist()):
        with pytest.raises(ValueError, match=f"groups is {name} in row 2; expected a label in each"):
            SlidingWindow(2).fit(SALES[:3], groups=container)
    fitted = SlidingWindow(2).fit(SALES[:3], groups=["a", "b", "c"])
    with pytest.raises(ValueError, match=f"groups is {name} in row 2"):
        fitted.transform(SALES[:3], groups=groups)


@pytest.mark.parametrize("groups", [np.array([1.0, np.nan]), np.array(["2020-01-01", "NaT"], dtype="M8[D]")])
def test_missing_label_among_numbers_and_dates(groups):
    with pytest.raises(ValueError, match=r"groups is (nan|NaT) in row 1"):
        SlidingWindow(2).fit(SALES[:2], groups=groups)


def test_missing_label_in_a_data_frame(library):
    table = make_table(library, ["north", None, *SHOPS[2:]])
    with pytest.raises(ValueError, match=r"group_column='shop' is (None|nan) in row 1; expected a label"):
        SlidingWindow(2, group_column="shop").fit(table)


def test_missing_label_in_extension_arrays():
    pd = pytest.importorskip("pandas")
    for dtype in ("Int64", "string", "category"):
        labels = pd.Series([1, None, 2, 3, 4, 5], dtype="Int64").astype(dtype)
        with pytest.raises(ValueError, match=r"group_column='shop' is .* in row 1"):
            SlidingWindow(2, group_column="shop").fit(make_table(pd, labels))


@pytest.mark.parametrize("groups", [["a"] * 5, ("a",) * 7, np.array([["a"]] * 6), [], "a", 3])
def test_one_label_per_row(groups):
    with pytest.raises(ValueError, match=r"groups has shape .*; expected one label per row, \(6,\)"):
        SlidingWindow(2).fit(SALES, groups=groups)
    fitted = SlidingWindow(2).fit(SALES, groups=SHOPS)
    with pytest.raises(ValueError, match=r"groups has shape .*; expected one label per row, \(6,\)"):
        fitted.transform(SALES, groups=groups)


def test_labels_must_be_hashable():
    groups = [*SHOPS[:5], ["a"]]
    for container in (groups, np.array(groups, dtype=object)):
        with pytest.raises(TypeError, match=r"groups: unhashable type: 'list'. Expected labels that can be hashed"):
            SlidingWindow(2).fit(SALES, groups=container)


def test_tuples_are_labels():
    groups = [(shop, "shoes") for shop in SHOPS]
    np.testing.assert_array_equal(SlidingWindow(2).fit_transform(SALES, groups=groups), EXPECTED)


@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
def test_groups_beside_a_group_column(method):
    transformer = SlidingWindow(2, group_column=0).fit(SALES)
    with pytest.raises(ValueError, match="both groups and group_column=0 are given; expected only one of them"):
        getattr(transformer, method)(SALES, groups=SHOPS)


def test_transform_warns_where_it_misses_the_groups_of_fit():
    transformer = SlidingWindow(2).fit(SALES, groups=SHOPS)
    with pytest.warns(UserWarning, match="SlidingWindow was fitted with 3 groups, but transform got none") as record:
        windows = transformer.transform(SALES)
    assert record[0].filename == __file__
    np.testing.assert_array_equal(windows, SlidingWindow(2).fit_transform(SALES))
    assert SlidingWindow(2).fit(SALES).n_groups_ is None


def test_groups_of_a_later_fit_replace_those_of_an_earlier_one():
    transformer = SlidingWindow(2).fit(SALES, groups=SHOPS).fit(SALES)
    np.testing.assert_array_equal(transformer.transform(SALES), SlidingWindow(2).fit_transform(SALES))


# memory


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("label", ["north", 3, datetime.date(2020, 1, 1)])
def test_one_group_is_a_view(label, flatten):
    windows = SlidingWindow(2, flatten=flatten).fit_transform(SALES, groups=[label] * 6)
    assert np.shares_memory(windows[2], windows[3])
    assert not windows.flags.writeable


@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("dilation", [1, 2])
def test_several_groups_are_a_read_only_copy(flatten, dilation):
    windows = SlidingWindow(2, flatten=flatten, dilation=dilation).fit_transform(SALES, groups=SHOPS)
    assert not np.shares_memory(windows[2], windows[3])
    assert not windows.flags.writeable
    assert windows.flags.c_contiguous


# names and containers


def test_names_leave_the_group_column_out(library):
    transformer = SlidingWindow(3, dilation=2, group_column="shop", flatten=True).fit(make_table(library))
    names = ["a_t-4", "b_t-4", "a_t-2", "b_t-2", "a", "b"]
    assert transformer.get_feature_names_out().tolist() == names
    assert transformer.get_feature_names_out(["a", "shop", "b"]).tolist() == names
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        transformer.get_feature_names_out(["a", "b"])


@pytest.mark.parametrize(
    ("position", "names"), [(0, ["x1_t-1", "x2_t-1", "x1", "x2"]), (-1, ["x0_t-1", "x1_t-1", "x0", "x1"])]
)
def test_names_of_an_array_count_the_group_column(position, names):
    transformer = SlidingWindow(2, group_column=position, flatten=True).fit(np.ones((4, 3)))
    assert transformer.get_feature_names_out().tolist() == names
    renamed = [name.replace("x", "column ") for name in names]
    assert transformer.get_feature_names_out(["column 0", "column 1", "column 2"]).tolist() == renamed
    with pytest.raises(ValueError, match="should have length equal to number of features"):
        transformer.get_feature_names_out(["a", "b"])


def test_set_output_with_a_group_column(library):
    transformer = SlidingWindow(2, group_column="shop", flatten=True).set_output(transform=library.__name__)
    table = make_table(library)
    for frame in (transformer.fit_transform(table), transformer.fit(table).transform(table)):
        assert isinstance(frame, library.DataFrame)
        assert list(frame.columns) == ["a_t-1", "b_t-1", "a", "b"]
        np.testing.assert_array_equal(frame.to_numpy(), EXPECTED.reshape(6, 4))


def test_pandas_output_keeps_the_index():
    pd = pytest.importorskip("pandas")
    table = make_table(pd).set_index(pd.date_range("2020-01-01", periods=6))
    frame = SlidingWindow(2, group_column="shop", flatten=True).set_output(transform="pandas").fit_transform(table)
    pd.testing.assert_index_equal(frame.index, table.index)
    by_argument = SlidingWindow(2, flatten=True).set_output(transform="pandas")
    frame = by_argument.fit_transform(table[["a", "b"]], groups=table["shop"])
    pd.testing.assert_index_equal(frame.index, table.index)


def test_clone_keeps_the_group_column():
    assert clone(SlidingWindow(group_column="shop")).group_column == "shop"
