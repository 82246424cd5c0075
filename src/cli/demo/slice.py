"""Cuts the demo's sample out of the S&P 500 equity price data set (Parquet, daily bars).

    pip install polars && python slice.py BARS.parquet sp500.csv

Takes 120 trading days from 2017-10-09 and, of the symbols with a bar on every one of them and no
split in between, the 120 with the largest mean turnover. Prices are unadjusted, as traded.
"""

import datetime
import sys

import polars as pl

FIRST, DAYS, SYMBOLS = datetime.date(2017, 10, 9), 120, 120


def main(source: str, target: str) -> None:
    bars = pl.read_parquet(source).filter(pl.col("date") >= FIRST)
    days = bars["date"].unique().sort().head(DAYS)
    bars = bars.filter(pl.col("date").is_in(days.implode()))
    liquid = (
        bars.group_by("symbol")
        .agg(
            turnover=(pl.col("close") * pl.col("volume")).mean(),
            days=pl.len(),
            split=(pl.col("split") != 1.0).any(),
        )
        .filter((pl.col("days") == DAYS) & ~pl.col("split"))
        .sort("turnover", "symbol", descending=[True, False])
        .head(SYMBOLS)
    )
    typical = (pl.col("high") + pl.col("low") + pl.col("close")) / 3
    (
        bars.filter(pl.col("symbol").is_in(liquid["symbol"].implode()))
        .sort("date", "symbol")
        .select(
            "symbol",
            pl.col("date").alias("time"),
            *(pl.col(name).round(4) for name in ("open", "high", "low", "close")),
            pl.col("volume").cast(pl.Int64),
            typical.round(4).alias("vwap"),
        )
        .write_csv(target)
    )


main(sys.argv[1], sys.argv[2])
