"""Computes `values.parquet`: KunQuant's 82 alphas in f64 on bars made from those of ../golden.

    pip install kunquant==0.1.12 numpy polars pyarrow && python make.py

The test makes the same bars by the same rule, see README.md.
"""

import pathlib

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from KunQuant.Driver import KunCompilerConfig
from KunQuant.jit import cfake
from KunQuant.Op import Builder, Input, Output
from KunQuant.predefined import Alpha101
from KunQuant.runner import KunRunner
from KunQuant.Stage import Function

HERE = pathlib.Path(__file__).resolve().parent
FIELDS = ("open", "high", "low", "close", "volume", "vwap")
# How far a field is moved: by 0.1 % of this plus a number in [0, 1).
SHIFTS = (-0.5, 1.0, -2.0, -0.5, -0.5, -0.5)
# The first of those that are listed from the first day on. A power of two makes sums of ranks exact.
SYMBOLS = 128
# Days whose windows are all full, among them those on which the rarest near ties are: alpha074 (298),
# alpha075 (293) and alpha081 (439).
DAYS = (260, 284, 293, 298, 315, 343, 352, 396, 420, 439, 462, 501)


def noise(count):
    """Numbers in [0, 1): splitmix64 of the place."""
    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53


def bars():
    """Tables of days by symbols, by field; the days and the symbols."""
    panel = pl.read_parquet(HERE / "../golden/panel.parquet").select("symbol", "date", *FIELDS)
    days = panel["date"].unique().sort()
    listed = panel.group_by("symbol").agg(first=pl.col("date").min())
    symbols = listed.filter(pl.col("first") == days[0])["symbol"].sort()
    symbols = symbols[:SYMBOLS]
    whole = pl.DataFrame({"date": days}).join(pl.DataFrame({"symbol": symbols}), how="cross")
    whole = whole.join(panel, on=["date", "symbol"], how="left").sort("date", "symbol")
    whole = whole.with_columns(pl.col(field).forward_fill().over("symbol") for field in FIELDS)
    shape = (len(days), len(symbols), len(FIELDS))
    shifted = noise(np.prod(shape)).reshape(shape) + np.array(SHIFTS)
    table = whole.select(FIELDS).to_numpy().reshape(shape) * (1.0 + 0.001 * shifted)
    fields = {field: table[:, :, at].copy() for at, field in enumerate(FIELDS)}
    return fields, days.to_list(), symbols.to_list()


def compute(fields, days):
    """All alphas at all days. Without fused operations and without the shortcut for statistics that
    costs digits, so that it is as exact as it can be."""
    builder = Builder()
    with builder:
        data = Alpha101.AllData(**{field: Input(field) for field in FIELDS})
        for alpha in Alpha101.all_alpha:
            Output(alpha(data), alpha.__name__)
    config = KunCompilerConfig(
        dtype="double",
        blocking_len=4,
        partition_factor=4,
        input_layout="TS",
        output_layout="TS",
        options={"opt_reduce": False, "no_fast_stat": True},
    )
    machine = cfake.X64CPUFlags(avx2=True, fma=False)
    target = [("alpha101", Function(builder.ops), config)]
    library = cfake.compileit(target, "alpha101", cfake.CppCompilerConfig(machine=machine))
    module, executor = library.getModule("alpha101"), KunRunner.createSingleThreadExecutor()
    assert max(module.getOutputUnreliableCount().values()) < DAYS[0]
    values = KunRunner.runGraph(executor, module, fields, 0, len(days))
    return {name: table.copy() for name, table in values.items()}


def main():
    fields, days, symbols = bars()
    values = compute(fields, days)
    columns = {
        "date": [days[day] for day in DAYS for _ in symbols],
        "symbol": [symbol for _ in DAYS for symbol in symbols],
    }
    columns |= {name: values[name][list(DAYS)].ravel() for name in sorted(values)}
    table = pa.table(columns)
    pq.write_table(table, HERE / "values.parquet", compression="zstd", compression_level=19)


main()
