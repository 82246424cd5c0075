"""Weir beside its peers on this machine, in turn, on one core; prints a table of nanoseconds per
factor value.

    cargo build --release && benches/peers/compare
    benches/peers/compare --only 512 --runs 3

Each run is a process of its own, peer and Weir one after the other, so that what else goes on falls
on both. All stream figures are of bars whose windows are full.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from common import one_core, write_bars

HERE = pathlib.Path(__file__).resolve().parent
WEIR = os.environ.get("WEIR", str(HERE / "../../target/release/weir"))
ALPHA158 = 158
SYMBOLS, BARS = 5120, 200


def peer(script, *more):
    """One run of a peer: its name, its factors and the figure."""
    command = [HERE / "run", script, *more, "--runs", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return figures["peer"], figures["factors"], figures["median"]


def weir_stream(name, symbols):
    """How many factors, and milliseconds per bar, the median of a run."""
    command = [WEIR, "bench", name, "--symbols", symbols, "--bars", 100, "--workers", 1]
    command = [str(part) for part in [*command, "--output", "json"]]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    return figures["factors"], figures["ms_per_bar"]["p50"]


def weir_batch(name, source, target):
    """Seconds from file to file, the start of the process included."""
    start = time.perf_counter()
    command = [WEIR, "compute", name, "--input", source, "--output", target]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def stream(name, symbols):
    """A stream of one set beside KunQuant: ns per value of each."""

    def measure():
        package, factors, ms = peer("kunquant_peer.py", name, "stream", "--symbols", str(symbols))
        count, own = weir_stream(name, symbols)
        of = f"{factors} / {count}"
        return package, of, ms * 1e6 / (symbols * factors), own * 1e6 / (symbols * count)

    return f"{name} stream, {symbols} symbols", measure


def batch(script, symbols, *more):
    """A table of Alpha158 beside a peer: ns per value of each. Weir goes from Parquet to Parquet."""

    def measure():
        size = ("--symbols", str(symbols), "--bars", str(BARS))
        package, factors, rate = peer(script, *more, *size)
        with tempfile.TemporaryDirectory() as folder:
            source, target = f"{folder}/bars.parquet", f"{folder}/factors.parquet"
            write_bars(source, symbols, BARS)
            seconds = weir_batch("alpha158", source, target)
        values = symbols * BARS * ALPHA158
        return package, f"{factors} / {ALPHA158}", 1e9 / (rate * factors), seconds * 1e9 / values

    where = "files" if script == "polars_peer.py" else "peer in memory"
    return f"alpha158 batch, {symbols} x {BARS}, {where}", measure


WORK = [
    stream("alpha101", SYMBOLS),
    stream("alpha101", 512),
    stream("alpha158", SYMBOLS),
    batch("kunquant_peer.py", SYMBOLS, "alpha158", "batch"),
    batch("polars_peer.py", SYMBOLS),
    batch("qlib_peer.py", 256),
]


def spread(values):
    """Minimum, median and maximum for people."""
    return "{:.2f} / {:.2f} / {:.2f}".format(min(values), statistics.median(values), max(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="work whose name contains this")
    parser.add_argument("--all-cores", action="store_true", help="do not keep to one core")
    options = parser.parse_args()
    if not options.all_cores:
        # Those that are started inherit it.
        one_core()
    print("| ns per factor value: min / median / max | peer | factors | peer | Weir | ratio of medians |")
    print("|---|---|---|---|---|---|")
    for work, measure in WORK:
        if options.only not in work:
            continue
        rows = [measure() for _ in range(options.runs)]
        package, factors = rows[0][:2]
        theirs, own = [row[2] for row in rows], [row[3] for row in rows]
        ratio = statistics.median(theirs) / statistics.median(own)
        cells = [work, package, factors, spread(theirs), spread(own), f"{ratio:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


main()
