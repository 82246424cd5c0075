"""Alpha158 by Qlib's expression engine on one process, without its caches.

    benches/peers/run qlib_peer.py --symbols 256 --bars 200

Its work is proportional to the symbols, so that fewer of them tell the same in less time. Qlib keeps
its data as 32 bit numbers.
"""

import logging
import pathlib
import tempfile
import time

import numpy as np
import pandas as pd
import qlib
from qlib.constant import REG_CN
from qlib.contrib.data.loader import Alpha158DL
from qlib.data import D

from common import FIELDS, arguments, bars, figures, one_core

ALPHA158 = {
    "kbar": {},
    "price": {"windows": [0], "feature": ["OPEN", "HIGH", "LOW", "VWAP"]},
    "rolling": {},
}


def store(folder, symbols, count):
    """Bars in Qlib's own format: a calendar, the instruments, a file per symbol and field whose first
    number is the place of the first bar."""
    days = pd.bdate_range("2020-01-01", periods=count).strftime("%Y-%m-%d")
    names = [f"S{i:05}" for i in range(symbols)]
    for part in ("calendars", "instruments", "features"):
        (folder / part).mkdir(parents=True)
    (folder / "calendars/day.txt").write_text("\n".join(days) + "\n")
    lines = [f"{name}\t{days[0]}\t{days[-1]}\n" for name in names]
    (folder / "instruments/all.txt").write_text("".join(lines))
    rows = list(bars(symbols, count))
    table = {field: np.stack([row[field] for row in rows]) for field in FIELDS}
    table["vwap"] = table["amount"] / table["volume"]
    for at, name in enumerate(names):
        own = folder / "features" / name.lower()
        own.mkdir()
        for field, values in table.items():
            np.hstack([[0.0], values[:, at]]).astype("<f4").tofile(own / f"{field}.day.bin")
    return names, days[0], days[-1]


def main():
    options = arguments(__doc__, symbols=256)
    one_core()
    expressions, _ = Alpha158DL.get_feature_config(ALPHA158)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        names, first, last = store(folder, options.symbols, options.bars)
        qlib.init(
            provider_uri=str(folder),
            region=REG_CN,
            kernels=1,
            joblib_backend="threading",
            expression_cache=None,
            dataset_cache=None,
            logging_level=logging.ERROR,
        )
        runs = []
        for _ in range(options.runs):
            # What is kept between calls would make the second run faster than any user's.
            qlib.data.cache.H.clear()
            start = time.perf_counter()
            table = D.features(names, expressions, first, last)
            runs.append(options.symbols * options.bars / (time.perf_counter() - start))
            assert table.shape == (options.symbols * options.bars, len(expressions))
    work = f"alpha158 batch, {options.symbols} symbols x {options.bars} bars, in memory"
    figures(work, "pyqlib", len(expressions), "bars per second", runs)


if __name__ == "__main__":
    main()
