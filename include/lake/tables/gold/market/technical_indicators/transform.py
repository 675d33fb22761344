"""Recursive indicators of one symbol: EMA and MACD, and Wilder's RSI (New Concepts in Technical Trading Systems, 1978).

A recursive mean never forgets its first value, so it is computed over exactly the last 360 sessions. The result depends on
these alone, for a run of a day and of a month. It differs from that of the whole history by less than 1e-9 (13/14 to the
power of 346 is 7e-12).
"""

import pandas as pd

GROUP_BY = ("symbol",)
SESSIONS = 360
_PRICES = ("ema_12", "ema_26", "macd", "macd_signal", "macd_histogram")
MADE_OF = {**dict.fromkeys(_PRICES, ("level", "shares")), "rsi_14": ("level",)}


def transform(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the recursive measures to the period's rows; `level` is the comparable close, `shares` brings it back to prices."""
    ordered = rows.sort_values("session_date", ignore_index=True)
    in_period = ordered[ordered["in_period"]]
    levels = ordered["level"]
    measured = pd.DataFrame(
        [measure(levels.iloc[max(0, place + 1 - SESSIONS) : place + 1]) for place in in_period.index],
        index=in_period.index,
        columns=[*_PRICES, "rsi_14"],
        dtype=float,
    )
    prices = measured.drop(columns="rsi_14").div(in_period["shares"], axis=0)
    return in_period.join(prices.assign(rsi_14=measured["rsi_14"]).round(10))


def measure(levels: pd.Series) -> tuple[float, ...]:
    """The measures of the last of these sessions, in the contract's order; missing ones are NaN."""
    fast, slow = (levels.ewm(span=span, adjust=False).mean() for span in (12, 26))
    macd = fast - slow
    signal = macd.ewm(span=9, adjust=False).mean()
    strengths = (
        (12, fast.iloc[-1]),
        (26, slow.iloc[-1]),
        (26, macd.iloc[-1]),
        (34, signal.iloc[-1]),
        (34, macd.iloc[-1] - signal.iloc[-1]),
    )
    return *(value if len(levels) >= least else float("nan") for least, value in strengths), relative_strength(
        levels, 14
    )


def relative_strength(levels: pd.Series, length: int) -> float:
    """Wilder's RSI of the last session, 0 to 100; NaN with too few changes, or if nothing moved."""
    changes = levels.diff().iloc[1:]
    if len(changes) < length:
        return float("nan")
    gain = _wilder_mean(changes.clip(lower=0), length)
    loss = _wilder_mean(-changes.clip(upper=0), length)
    return 100 * gain / (gain + loss) if gain + loss else float("nan")


def _wilder_mean(values: pd.Series, length: int) -> float:
    """A plain mean of the first values, then (length - 1) parts of it and one part of each next value."""
    seeded = pd.concat([pd.Series([values.iloc[:length].mean()]), values.iloc[length:]])
    return float(seeded.ewm(alpha=1 / length, adjust=False).mean().iloc[-1])
