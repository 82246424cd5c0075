"""What the scripts of this folder share: synthetic bars, one core, and the form of the figures."""

import argparse
import importlib.metadata
import json
import os
import statistics

import numpy as np

FIELDS = ("open", "high", "low", "close", "volume", "amount")


def one_core():
    """Keeps the process on one core, as `compare` does with Weir."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def bars(symbols, count, seed=1):
    """Bars of random walks: a row of every symbol for each of `count` times, by field."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, 0.5, symbols))
    for _ in range(count):
        opened = close * np.exp(random.normal(0.0, 0.003, symbols))
        close = opened * np.exp(random.normal(0.0, 0.01, symbols))
        high = np.maximum(opened, close) * np.exp(np.abs(random.normal(0.0, 0.004, symbols)))
        low = np.minimum(opened, close) * np.exp(-np.abs(random.normal(0.0, 0.004, symbols)))
        volume = np.floor(np.exp(random.normal(12.0, 1.0, symbols)))
        amount = volume * (high + low + close) / 3.0
        yield dict(zip(FIELDS, (opened, high, low, close, volume, amount)))


def write_bars(path, symbols, count):
    """The same bars as a Parquet file for `weir compute` and Polars, oldest first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = pa.array([f"S{i:05}" for i in range(symbols)])
    day = 86_400_000
    schema = pa.schema(
        [("symbol", pa.string()), ("time", pa.timestamp("ms", "UTC"))]
        + [(field, pa.float64()) for field in FIELDS]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for number, bar in enumerate(bars(symbols, count)):
            times = pa.array(np.full(symbols, number * day), pa.timestamp("ms", "UTC"))
            columns = [names, times] + [pa.array(bar[field]) for field in FIELDS]
            writer.write_table(pa.table(columns, schema=schema))


def arguments(description, *positional, symbols=5120, count=200):
    """The options of all peers."""
    parser = argparse.ArgumentParser(description=description)
    for name, choices in positional:
        parser.add_argument(name, choices=choices)
    parser.add_argument("--symbols", type=int, default=symbols)
    parser.add_argument("--bars", type=int, default=count)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--input", help="a file of bars that is there, instead of a new one")
    return parser.parse_args()


def figures(work, package, factors, unit, values, **more):
    """Prints what was measured as one line of JSON."""
    result = {
        "work": work,
        "peer": f"{package} {importlib.metadata.version(package)}",
        "factors": factors,
        "unit": unit,
        "min": min(values),
        "median": statistics.median(values),
        "max": max(values),
        "runs": values,
        **more,
    }
    print(json.dumps(result))
