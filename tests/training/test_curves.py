import numpy as np
import pandas as pd
import pytest

from hyenascope.training.curves import curve_table, write_curves


def run(steps):
    """A loss that tells its step, and a look at held-out text every tenth."""
    step = np.arange(1, steps + 1)
    looked = np.where(step % 10 == 0, step / 100, np.nan)
    return pd.DataFrame(
        {"step": step, "tokens": step * 64, "loss": step * 1.0, "validation": looked}
    )


def test_rows_are_log_spaced_and_hold_all_since_the_row_above():
    table = curve_table(run(1000), rows=4)
    assert table["step"].tolist() == [1, 10, 100, 1000]
    assert table["tokens"].tolist() == [64, 640, 6400, 64000]
    np.testing.assert_allclose(table["loss"], [1.0, 6.0, 55.5, 550.5])
    np.testing.assert_allclose(table["validation"], [np.nan, 0.1, 1.0, 10.0])


@pytest.mark.parametrize("steps", [1, 2, 3, 11, 12, 13, 5000])
@pytest.mark.parametrize("rows", [1, 2, 12])
def test_every_step_is_in_one_row_and_the_last_is_last(steps, rows):
    table = curve_table(run(steps), rows=rows)
    assert len(table) <= rows
    assert table["step"].iloc[-1] == steps
    sizes = np.diff(table["step"], prepend=0)
    assert (sizes > 0).all()
    assert (sizes * table["loss"]).sum() == pytest.approx(steps * (steps + 1) / 2)


def test_skipped_steps_do_not_count():
    curves = run(4)
    curves.loc[2, "loss"] = np.nan
    curves.loc[3, "loss"] = np.inf
    assert curve_table(curves, rows=1)["loss"].tolist() == [1.5]


def test_a_column_that_nobody_filled_is_left_out():
    curves = run(4).assign(validation=None)
    assert curve_table(curves).columns.tolist() == ["step", "tokens", "loss"]


def test_file_holds_every_step_and_column(tmp_path):
    curves = run(25).assign(seconds=0.1)
    write_curves(tmp_path / "curves.tsv", curves)
    found = pd.read_csv(tmp_path / "curves.tsv", sep="\t")
    pd.testing.assert_frame_equal(found, curves)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        (pd.DataFrame({"step": [1]}), r"columns step and loss, .* columns \['step'\]"),
        (run(0), r"columns step and loss, and steps; got no step\."),
    ],
)
def test_refuses(curves, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        curve_table(curves)
    with pytest.raises(ValueError, match=message):
        write_curves(tmp_path / "curves.tsv", curves)
    assert not list(tmp_path.iterdir())


def test_refuses_no_rows():
    with pytest.raises(ValueError, match=r"rows must be at least 1; got 0\."):
        curve_table(run(3), rows=0)
