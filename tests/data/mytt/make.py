"""Makes mytt.parquet beside this file: the indicators of the set `cn` as MyTT computes them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install MyTT==2.9.3 pandas==3.1.1 numpy pyarrow
    /tmp/venv/bin/python tests/data/mytt/make.py

The bars are those of ../ta/bars.parquet. MyTT rounds some of its results to three places for people to
read; that, and nothing else of it, is switched off.
"""

import math
import pathlib

import numpy
import pyarrow
import pyarrow.parquet
from MyTT import MyTT

FOLDER = pathlib.Path(__file__).parent
FIELDS = ["open", "high", "low", "close", "volume"]

MyTT.RD = lambda series, places=3: series


def values(o, h, l, c, v):
    out = {}

    def put(names, result):
        result = result if isinstance(result, tuple) else (result,)
        names = names.split()
        assert len(names) == len(result)
        out.update(zip(names, result))

    put("bias_6 bias_12 bias_24", MyTT.BIAS(c))
    put("bbi", MyTT.BBI(c))
    put("boll_upper boll_middle boll_lower", MyTT.BOLL(c))
    put("expma_12 expma_50", MyTT.EXPMA(c))
    put("macd_dif macd_dea macd_bar", MyTT.MACD(c))
    put("kdj_k kdj_d kdj_j", MyTT.KDJ(c, h, l))
    for n in (6, 12, 24):
        put(f"rsi_{n}", MyTT.RSI(c, n))
    put("wr_10 wr_6", MyTT.WR(c, h, l))
    put("cci_14", MyTT.CCI(c, h, l))
    put("psy_12 psy_ma_6", MyTT.PSY(c))
    put("mtm_12 mtm_ma_6", MyTT.MTM(c))
    put("roc_12 roc_ma_6", MyTT.ROC(c))
    put("dpo_20 dpo_ma_6", MyTT.DPO(c))
    put("dma_10_50 dma_ma_10", MyTT.DFMA(c))
    put("trix_12 trix_ma_20", MyTT.TRIX(c))
    put("atr_20", MyTT.ATR(c, h, l))
    put("dmi_pdi dmi_mdi dmi_adx dmi_adxr", MyTT.DMI(c, h, l))
    put("vr_26", MyTT.VR(c, v))
    put("ar_26 br_26", MyTT.BRAR(o, c, h, l))
    put("emv_14 emv_ma_9", MyTT.EMV(h, l, v))
    put("mass_25 mass_ma_6", MyTT.MASS(h, l))
    put("asi_26 asi_ma_10", MyTT.ASI(o, c, h, l))
    put("obv", MyTT.OBV(c, v))
    put("mfi_14", MyTT.MFI(c, h, l, v))
    put("taq_up_20 taq_mid_20 taq_down_20", MyTT.TAQ(h, l, 20))
    put("ktn_upper ktn_mid ktn_lower", MyTT.KTN(c, h, l))
    return out


def main():
    bars = pyarrow.parquet.read_table(FOLDER / "../ta/bars.parquet").to_pydict()
    dates = sorted(set(bars["date"]))
    # All of the beginning, and every eighth bar after it.
    kept = {date for i, date in enumerate(dates) if i < 70 or i % 8 == 0}
    out = {}
    for symbol in dict.fromkeys(bars["symbol"]):
        rows = [i for i, name in enumerate(bars["symbol"]) if name == symbol]
        fields = [numpy.array([bars[field][i] for i in rows]) for field in FIELDS]
        with numpy.errstate(all="ignore"):
            columns = values(*fields)
        own = [(at, i) for at, i in enumerate(rows) if bars["date"][i] in kept]
        out.setdefault("symbol", []).extend([symbol] * len(own))
        out.setdefault("date", []).extend(bars["date"][i] for _, i in own)
        for factor, column in columns.items():
            cells = (float(column[at]) for at, _ in own)
            cells = (None if math.isnan(v) else v for v in cells)
            out.setdefault(factor, []).extend(cells)
    path = FOLDER / "mytt.parquet"
    pyarrow.parquet.write_table(pyarrow.table(out), path, compression="zstd")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
