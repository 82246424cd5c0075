"""KunQuant's Alpha101 (its 82 alphas) and Alpha158 in f64 on one thread: a bar at a time, or a table.

    benches/peers/run kunquant_peer.py alpha101 stream --symbols 5120
    benches/peers/run kunquant_peer.py alpha158 batch --symbols 5120 --bars 200
"""

import statistics
import time

import numpy as np
from KunQuant.Driver import KunCompilerConfig
from KunQuant.jit import cfake
from KunQuant.Op import Builder, Input, Output
from KunQuant.predefined import Alpha101, Alpha158
from KunQuant.runner import KunRunner
from KunQuant.Stage import Function

from common import FIELDS, arguments, bars, figures, one_core

# Longer than the longest look-back of Alpha101, so that every window is full when it counts.
WARM = {"alpha101": 260, "alpha158": 64}
TIMED = 100
ROLLING = {"windows": [5, 10, 20, 30, 60]}


def graph(name):
    """All factors of a set as KunQuant's own package defines them, and how many there are."""
    builder = Builder()
    with builder:
        fields = {field: Input(field) for field in FIELDS}
        if name == "alpha101":
            data = Alpha101.AllData(**fields)
            factors = [(alpha.__name__, alpha(data)) for alpha in Alpha101.all_alpha]
        else:
            data = Alpha158.AllData(**fields)
            prices = [("OPEN", data.open), ("HIGH", data.high), ("LOW", data.low)]
            price = {"windows": [0], "feature": prices + [("VWAP", data.vwap)]}
            values, names = data.build({"kbar": {}, "price": price, "rolling": ROLLING})
            factors = list(zip(names, values))
        for factor, value in factors:
            Output(value, factor)
    return Function(builder.ops), len(factors)


def module(name, layout):
    """The set, generated, compiled for this processor and loaded."""
    function, factors = graph(name)
    if layout == "STREAM":
        # Its fast statistics do not exist in this mode.
        options = {"opt_reduce": False, "fast_log": True}
    else:
        options = {"opt_reduce": True, "fast_log": True, "no_fast_stat": "no_warn"}
    with open("/proc/cpuinfo") as file:
        wide = " avx512f " in file.read()
    config = KunCompilerConfig(
        dtype="double",
        blocking_len=8 if wide else 4,
        partition_factor=8 if layout == "STREAM" else 4,
        input_layout=layout,
        output_layout=layout,
        options=options,
    )
    library = cfake.compileit([(name, function, config)], name, cfake.CppCompilerConfig())
    # The library must live as long as what it holds.
    return library, library.getModule(name), factors


def stream(compiled, warm, symbols, count):
    """Milliseconds for each of `count` bars after `warm` others: push, compute, look at every result."""
    context = KunRunner.StreamContext(KunRunner.createSingleThreadExecutor(), compiled, symbols)
    inputs = {field: context.queryBufferHandle(field) for field in FIELDS}
    outputs = [context.queryBufferHandle(output) for output in compiled.getOutputNames()]
    times = []
    for bar in bars(symbols, warm + count):
        start = time.perf_counter()
        for field, handle in inputs.items():
            context.pushData(handle, bar[field])
        context.run()
        for handle in outputs:
            context.getCurrentBuffer(handle)
        times.append((time.perf_counter() - start) * 1e3)
    return times[warm:]


def main():
    options = arguments(__doc__, ("set", list(WARM)), ("mode", ["stream", "batch"]), count=None)
    one_core()
    size = f"{options.symbols} symbols"
    if options.mode == "stream":
        _library, compiled, factors = module(options.set, "STREAM")
        one = lambda: stream(compiled, WARM[options.set], options.symbols, options.bars or TIMED)
        runs = [statistics.median(one()) for _ in range(options.runs)]
        work = f"{options.set} stream, {size}"
        figures(work, "kunquant", factors, "ms per bar", runs)
        return
    count = options.bars or 200
    rows = list(bars(options.symbols, count))
    table = {field: np.stack([row[field] for row in rows]) for field in FIELDS}
    _library, compiled, factors = module(options.set, "TS")
    executor, runs = KunRunner.createSingleThreadExecutor(), []
    for _ in range(options.runs):
        start = time.perf_counter()
        KunRunner.runGraph(executor, compiled, table, 0, count)
        runs.append(options.symbols * count / (time.perf_counter() - start))
    work = f"{options.set} batch, {size} x {count} bars, in memory"
    figures(work, "kunquant", factors, "bars per second", runs)


main()
