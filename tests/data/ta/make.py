"""Makes bars.parquet, ta.parquet and cn.parquet beside this file.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install TA-Lib==0.8.2 numpy pyarrow
    /tmp/venv/bin/python tests/data/ta/make.py

The bars are a slice of ../golden/panel.parquet. The values of `ta` are TA-Lib's own; those of `cn` are
computed here, from the terminals' definitions, bar by bar.
"""

import math
import pathlib

import numpy
import pyarrow
import pyarrow.parquet
import talib

FOLDER = pathlib.Path(__file__).parent
BARS = 220
FIELDS = ["open", "high", "low", "close", "volume"]


def read_bars():
    """By symbol: at which bar it begins, and its fields. Bars that a symbol lacks are closed up."""
    panel = pyarrow.parquet.read_table(FOLDER / "../golden/panel.parquet").to_pydict()
    dates = sorted(set(panel["date"]))[:BARS]
    own = {}
    for row, symbol in enumerate(panel["symbol"]):
        own.setdefault(symbol, []).append([float(panel[field][row]) for field in FIELDS])
    bars = {}
    for symbol, first in [("ENPH", 0), ("YUM", 0), ("STX", 0), ("CLX", 45)]:
        bars[symbol] = (first, numpy.array(own[symbol][: BARS - first]).T)
    # A symbol that stands still at first, and for four bars later on. Its prices are multiples of 1/64:
    # running sums of such numbers are exact, so that what does not move has no movement in TA-Lib either.
    flat = numpy.array(own["EMN"][:BARS]).T
    flat[:4] = numpy.round(flat[:4] * 64) / 64
    flat[:4, :60] = flat[3, 60]
    flat[4, :60] = 1000.0
    flat[:4, 150:154] = flat[3, 150]
    bars["FLAT"] = (0, flat)
    return dates, bars


def talib_values(o, h, l, c, v):
    t = talib
    values = {}

    def put(names, result):
        result = result if isinstance(result, (tuple, list)) else [result]
        names = names.split()
        assert len(names) == len(result)
        values.update({"ta_" + name: column for name, column in zip(names, result)})

    for n in (5, 10, 20, 60):
        put(f"sma_{n}", t.SMA(c, n))
    for n in (5, 12, 26, 60):
        put(f"ema_{n}", t.EMA(c, n))
    put("wma_30", t.WMA(c, 30))
    put("dema_30", t.DEMA(c, 30))
    put("tema_30", t.TEMA(c, 30))
    put("trima_30", t.TRIMA(c, 30))
    put("kama_30", t.KAMA(c, 30))
    put("t3_5", t.T3(c, 5, 0.7))
    put("midpoint_14", t.MIDPOINT(c, 14))
    put("midprice_14", t.MIDPRICE(h, l, 14))
    put("bbands_upper_20 bbands_middle_20 bbands_lower_20", t.BBANDS(c, 20, 2, 2))
    put("sar", t.SAR(h, l, 0.02, 0.2))
    put("macd macd_signal macd_hist", t.MACD(c, 12, 26, 9))
    put("apo_12_26", t.APO(c, 12, 26))
    put("ppo_12_26", t.PPO(c, 12, 26))
    put("trix_30", t.TRIX(c, 30))
    put("mom_10", t.MOM(c, 10))
    put("roc_10", t.ROC(c, 10))
    put("rocp_10", t.ROCP(c, 10))
    put("rocr_10", t.ROCR(c, 10))
    put("rsi_14", t.RSI(c, 14))
    put("cmo_14", t.CMO(c, 14))
    put("stoch_k stoch_d", t.STOCH(h, l, c, 5, 3, 0, 3, 0))
    put("stochf_k stochf_d", t.STOCHF(h, l, c, 5, 3, 0))
    put("stochrsi_k stochrsi_d", t.STOCHRSI(c, 14, 5, 3, 0))
    put("willr_14", t.WILLR(h, l, c, 14))
    put("cci_14", t.CCI(h, l, c, 14))
    put("ultosc_7_14_28", t.ULTOSC(h, l, c, 7, 14, 28))
    put("bop", t.BOP(o, h, l, c))
    put("aroon_down_14 aroon_up_14", t.AROON(h, l, 14))
    put("aroonosc_14", t.AROONOSC(h, l, 14))
    put("plus_dm_14", t.PLUS_DM(h, l, 14))
    put("minus_dm_14", t.MINUS_DM(h, l, 14))
    put("plus_di_14", t.PLUS_DI(h, l, c, 14))
    put("minus_di_14", t.MINUS_DI(h, l, c, 14))
    put("dx_14", t.DX(h, l, c, 14))
    put("adx_14", t.ADX(h, l, c, 14))
    put("adxr_14", t.ADXR(h, l, c, 14))
    put("trange", t.TRANGE(h, l, c))
    put("atr_14", t.ATR(h, l, c, 14))
    put("natr_14", t.NATR(h, l, c, 14))
    put("obv", t.OBV(c, v))
    put("ad", t.AD(h, l, c, v))
    put("adosc_3_10", t.ADOSC(h, l, c, v, 3, 10))
    put("mfi_14", t.MFI(h, l, c, v, 14))
    put("avgprice", t.AVGPRICE(o, h, l, c))
    put("medprice", t.MEDPRICE(h, l))
    put("typprice", t.TYPPRICE(h, l, c))
    put("wclprice", t.WCLPRICE(h, l, c))
    put("linearreg_14", t.LINEARREG(c, 14))
    put("linearreg_slope_14", t.LINEARREG_SLOPE(c, 14))
    put("linearreg_intercept_14", t.LINEARREG_INTERCEPT(c, 14))
    put("linearreg_angle_14", t.LINEARREG_ANGLE(c, 14))
    put("tsf_14", t.TSF(c, 14))
    put("stddev_5", t.STDDEV(c, 5, 1))
    put("var_5", t.VAR(c, 5, 1))
    put("avgdev_14", t.AVGDEV(c, 14))
    put("beta_5", t.BETA(h, l, 5))
    put("correl_30", t.CORREL(h, l, 30))
    return values


# The functions of the terminals' language on lists of numbers, missing = nan.


def ref(x, n):
    return numpy.array([math.nan] * n + list(x[: len(x) - n]))


def over(x, n, f):
    """f of the last n values; missing until there are n, and where one is missing."""
    out = []
    for i in range(len(x)):
        window = list(x[max(0, i + 1 - n) : i + 1])
        whole = len(window) == n and not any(math.isnan(v) for v in window)
        out.append(f(window) if whole else math.nan)
    return numpy.array(out)


def total(x, n):
    return over(x, n, math.fsum)


def ma(x, n):
    return over(x, n, lambda w: math.fsum(w) / n)


def hhv(x, n):
    return over(x, n, max)


def llv(x, n):
    return over(x, n, min)


def std(x, n):
    return over(x, n, lambda w: math.sqrt(math.fsum((v - math.fsum(w) / n) ** 2 for v in w) / n))


def avedev(x, n):
    return over(x, n, lambda w: math.fsum(abs(v - math.fsum(w) / n) for v in w) / n)


def dma(x, share):
    """y moves by a share of its distance to x; from the first x on."""
    y, out = math.nan, []
    for v, a in zip(x, share):
        if not math.isnan(v) and not math.isnan(a):
            y = v if math.isnan(y) else a * v + (1 - a) * y
        out.append(y if not math.isnan(v) else math.nan)
    return numpy.array(out)


def sma(x, n, m):
    return dma(x, [m / n] * len(x))


def ema(x, n):
    return sma(x, n + 1, 2)


def when(condition, a, b):
    return numpy.where(condition, a, b)


def terminal_values(o, h, l, c, v):
    most, least, size = numpy.maximum, numpy.minimum, numpy.abs
    lc, typ = ref(c, 1), (h + l + c) / 3
    tr = most(most(h - l, size(lc - h)), size(lc - l))
    out = {}
    for n in (6, 12, 24):
        out[f"bias_{n}"] = (c - ma(c, n)) / ma(c, n) * 100
        out[f"rsi_{n}"] = sma(most(c - lc, 0), n, 1) / sma(size(c - lc), n, 1) * 100
    out["bbi"] = (ma(c, 3) + ma(c, 6) + ma(c, 12) + ma(c, 20)) / 4
    out["boll_upper"] = ma(c, 20) + std(c, 20) * 2
    out["boll_middle"] = ma(c, 20)
    out["boll_lower"] = ma(c, 20) - std(c, 20) * 2
    out["expma_12"], out["expma_50"] = ema(c, 12), ema(c, 50)
    dif = ema(c, 12) - ema(c, 26)
    dea = ema(dif, 9)
    out["macd_dif"], out["macd_dea"], out["macd_bar"] = dif, dea, (dif - dea) * 2
    rsv = (c - llv(l, 9)) / (hhv(h, 9) - llv(l, 9)) * 100
    # MyTT writes SMA(RSV, 3, 1) as EMA(RSV, 5): the same weight, 1/3.
    k = ema(rsv, 5)
    d = ema(k, 5)
    out["kdj_k"], out["kdj_d"], out["kdj_j"] = k, d, 3 * k - 2 * d
    for n in (10, 6):
        out[f"wr_{n}"] = (hhv(h, n) - c) / (hhv(h, n) - llv(l, n)) * 100
    out["cci_14"] = (typ - ma(typ, 14)) / (0.015 * avedev(typ, 14))
    psy = total(1.0 * (c > lc), 12) / 12 * 100
    out["psy_12"], out["psy_ma_6"] = psy, ma(psy, 6)
    mtm = c - ref(c, 12)
    out["mtm_12"], out["mtm_ma_6"] = mtm, ma(mtm, 6)
    roc = 100 * (c - ref(c, 12)) / ref(c, 12)
    out["roc_12"], out["roc_ma_6"] = roc, ma(roc, 6)
    dpo = c - ref(ma(c, 20), 10)
    out["dpo_20"], out["dpo_ma_6"] = dpo, ma(dpo, 6)
    dfma = ma(c, 10) - ma(c, 50)
    out["dma_10_50"], out["dma_ma_10"] = dfma, ma(dfma, 10)
    three = ema(ema(ema(c, 12), 12), 12)
    trix = (three - ref(three, 1)) / ref(three, 1) * 100
    out["trix_12"], out["trix_ma_20"] = trix, ma(trix, 20)
    out["atr_20"] = ma(tr, 20)
    hd, ld = h - ref(h, 1), ref(l, 1) - l
    pdi = total(when((hd > 0) & (hd > ld), hd, 0), 14) * 100 / total(tr, 14)
    mdi = total(when((ld > 0) & (ld > hd), ld, 0), 14) * 100 / total(tr, 14)
    adx = ma(size(mdi - pdi) / (pdi + mdi) * 100, 6)
    out["dmi_pdi"], out["dmi_mdi"] = pdi, mdi
    out["dmi_adx"], out["dmi_adxr"] = adx, (adx + ref(adx, 6)) / 2
    out["vr_26"] = total(when(c > lc, v, 0), 26) / total(when(c <= lc, v, 0), 26) * 100
    out["ar_26"] = total(h - o, 26) / total(o - l, 26) * 100
    out["br_26"] = total(most(0, h - lc), 26) / total(most(0, lc - l), 26) * 100
    mid = ref(h + l + c, 1) / 3
    out["cr_20"] = total(most(0, h - mid), 20) / total(most(0, mid - l), 20) * 100
    move = 100 * (h + l - ref(h + l, 1)) / (h + l)
    emv = ma(move * (ma(v, 14) / v) * (h - l) / ma(h - l, 14), 14)
    out["emv_14"], out["emv_ma_9"] = emv, ma(emv, 9)
    mass = total(ma(h - l, 9) / ma(ma(h - l, 9), 9), 25)
    out["mass_25"], out["mass_ma_6"] = mass, ma(mass, 6)
    aa, bb, cc, dd = size(h - lc), size(l - lc), size(h - ref(l, 1)), size(lc - ref(o, 1))
    r = when(
        (aa > bb) & (aa > cc),
        aa + bb / 2 + dd / 4,
        when((bb > cc) & (bb > aa), bb + aa / 2 + dd / 4, cc + dd / 4),
    )
    asi = total(16 * (c - lc + (c - o) / 2 + lc - ref(o, 1)) / r * most(aa, bb), 26)
    out["asi_26"], out["asi_ma_10"] = asi, ma(asi, 10)
    out["obv"] = numpy.cumsum(when(c > lc, v, when(c < lc, -v, 0))) / 10000
    up = total(when(typ > ref(typ, 1), typ * v, 0), 14)
    out["mfi_14"] = 100 - 100 / (1 + up / total(when(typ < ref(typ, 1), typ * v, 0), 14))
    out["taq_up_20"], out["taq_down_20"] = hhv(h, 20), llv(l, 20)
    out["taq_mid_20"] = (hhv(h, 20) + llv(l, 20)) / 2
    out["ktn_mid"] = ema(typ, 20)
    out["ktn_upper"] = ema(typ, 20) + 2 * ma(tr, 10)
    out["ktn_lower"] = ema(typ, 20) - 2 * ma(tr, 10)
    near = (2 * c + h + l) / 4
    level = ma(near, 5)
    out["xsii_td1"], out["xsii_td2"] = level * 102 / 100, level * (200 - 102) / 100
    dd = dma(c, size(near - ma(c, 20)) / ma(c, 20))
    out["xsii_td3"], out["xsii_td4"] = (1 + 7 / 100) * dd, (1 - 7 / 100) * dd
    return out


def main():
    dates, bars = read_bars()
    # All of the beginning, and every fourth bar after it.
    kept = [i for i in range(BARS) if i < 120 or i % 4 == 0]
    table = {name: [] for name in ["symbol", "date", *FIELDS]}
    sets = {"ta": {}, "cn": {}}
    for symbol, (first, fields) in bars.items():
        table["symbol"] += [symbol] * fields.shape[1]
        table["date"] += dates[first : first + fields.shape[1]]
        for name, column in zip(FIELDS, fields):
            table[name] += list(column)
        for name, compute in [("ta", talib_values), ("cn", terminal_values)]:
            with numpy.errstate(all="ignore"):
                values = compute(*fields)
            rows = [i for i in kept if i >= first]
            out = sets[name]
            out.setdefault("symbol", []).extend([symbol] * len(rows))
            out.setdefault("date", []).extend(dates[i] for i in rows)
            for factor, column in values.items():
                cells = (float(column[i - first]) for i in rows)
                cells = (None if math.isnan(v) else v for v in cells)
                out.setdefault(factor, []).extend(cells)
    for name, columns in [("bars", table), *sets.items()]:
        path = FOLDER / f"{name}.parquet"
        pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="zstd")
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
