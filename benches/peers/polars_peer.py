"""Alpha158 in Polars on one core, from one Parquet file to another: what its expressions can say.

    benches/peers/run polars_peer.py --symbols 5120 --bars 200

Left out are IMAX, IMIN and IMXD: Polars has no rolling position of an extreme. Its partial windows
differ from Qlib's in small things; speed is what is compared here.
"""

import os
import pathlib
import tempfile
import time

# Read when Polars is imported.
os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from common import arguments, figures, one_core, write_bars

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


def shapes(open_, high, low, close):
    """The nine shapes of a bar and the four prices."""
    span = high - low + TINY
    top, bottom = pl.max_horizontal(open_, close), pl.min_horizontal(open_, close)
    yield "KMID", (close - open_) / open_
    yield "KLEN", (high - low) / open_
    yield "KMID2", (close - open_) / span
    yield "KUP", (high - top) / open_
    yield "KUP2", (high - top) / span
    yield "KLOW", (bottom - low) / open_
    yield "KLOW2", (bottom - low) / span
    yield "KSFT", (2 * close - high - low) / open_
    yield "KSFT2", (2 * close - high - low) / span
    vwap = pl.col("amount") / pl.col("volume")
    for name, price in (("OPEN0", open_), ("HIGH0", high), ("LOW0", low), ("VWAP0", vwap)):
        yield name, price / close


def trends(close, n):
    """Least squares of the close on the bars of the window, by running sums."""
    steps = (n * n - 1) / 12
    x = pl.col("row")
    mean, mean_xy = close.rolling_mean(n), (x * close).rolling_mean(n)
    slope = (mean_xy - x.rolling_mean(n) * mean) / steps
    yield "BETA", slope / close
    yield "RSQR", slope**2 * steps / close.rolling_var(n, ddof=0)
    yield "RESI", (close - mean - slope * (n - 1) / 2) / close


def moves(name, x, n):
    """Shares of rises and falls in all that a series moved."""
    change = x - x.shift(1)
    up = change.clip(lower_bound=0).rolling_sum(n, min_samples=1)
    down = (-change).clip(lower_bound=0).rolling_sum(n, min_samples=1)
    total = change.abs().rolling_sum(n, min_samples=1) + TINY
    yield f"{name}P", up / total
    yield f"{name}N", down / total
    yield f"{name}D", (up - down) / total


def rolling(high, low, close, volume, n):
    """The families of one window."""
    some = {"window_size": n, "min_samples": 1}
    most, least = high.rolling_max(**some), low.rolling_min(**some)
    yield "ROC", close.shift(n) / close
    yield "MA", close.rolling_mean(**some) / close
    yield "STD", close.rolling_std(**some) / close
    yield from trends(close, n)
    yield "MAX", most / close
    yield "MIN", least / close
    yield "QTLU", close.rolling_quantile(0.8, "linear", **some) / close
    yield "QTLD", close.rolling_quantile(0.2, "linear", **some) / close
    yield "RANK", close.rolling_rank(n, min_samples=1) / n
    yield "RSV", (close - least) / (most - least + TINY)
    volumes = (volume + 1).log()
    rise = close / close.shift(1)
    more = (volume / (volume.shift(1) + TINY) + 1).log()
    yield "CORR", pl.rolling_corr(close, volumes, window_size=n, min_samples=2)
    yield "CORD", pl.rolling_corr(rise, more, window_size=n, min_samples=2)
    ups = (close > close.shift(1)).cast(pl.Float64).rolling_mean(**some)
    downs = (close < close.shift(1)).cast(pl.Float64).rolling_mean(**some)
    yield from (("CNTP", ups), ("CNTN", downs), ("CNTD", ups - downs))
    yield from moves("SUM", close, n)
    yield "VMA", volume.rolling_mean(**some) / (volume + TINY)
    yield "VSTD", volume.rolling_std(**some) / (volume + TINY)
    turnover = (rise - 1).abs() * volume
    yield "WVMA", turnover.rolling_std(**some) / (turnover.rolling_mean(**some) + TINY)
    yield from moves("VSUM", volume, n)


def factors():
    """All of them, each down the column of its symbol."""
    open_, high, low, close, volume = map(pl.col, ("open", "high", "low", "close", "volume"))
    named = list(shapes(open_, high, low, close))
    for n in WINDOWS:
        named += [(f"{name}{n}", f) for name, f in rolling(high, low, close, volume, n)]
    return [factor.over("symbol").alias(name) for name, factor in named]


def compute(source, target):
    """From file to file."""
    row = pl.int_range(pl.len()).over("symbol").cast(pl.Float64).alias("row")
    bars = pl.read_parquet(source).with_columns(row)
    bars.select("time", "symbol", *factors()).write_parquet(target)


def main():
    options = arguments(__doc__)
    one_core()
    with tempfile.TemporaryDirectory() as folder:
        source = options.input or f"{folder}/bars.parquet"
        if not options.input:
            write_bars(source, options.symbols, options.bars)
        runs = []
        for _ in range(options.runs):
            start = time.perf_counter()
            compute(source, pathlib.Path(folder) / "factors.parquet")
            runs.append(options.symbols * options.bars / (time.perf_counter() - start))
    work = f"alpha158 batch, {options.symbols} symbols x {options.bars} bars, files"
    figures(work, "polars", len(factors()), "bars per second", runs)


main()
