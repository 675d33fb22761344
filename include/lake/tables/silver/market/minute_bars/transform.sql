-- Wall time becomes UTC by the offset of its session: bars lie between 04:00 and 20:00, clocks change on Sunday nights, so no bar
-- is ambiguous. A day on which the exchange was closed has no offset, and the rules quarantine its bars.
WITH bars AS (
  SELECT
    symbol, TRY_CAST(bar_at AS TIMESTAMP) AS bar_local_at, open, high, low, close, volume, vendor, _ingested_at
  FROM bronze_market.equity_minute_bars
),

sessions AS (
  SELECT session_date, open_at, close_at, utc_offset_minutes
  FROM reference_market.exchange_calendar
  WHERE exchange = 'XNYS'
),

timed AS (
  SELECT
    bars.symbol, bars.bar_local_at, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.vendor, bars._ingested_at,
    sessions.session_date, sessions.open_at, sessions.close_at,
    bars.bar_local_at - sessions.utc_offset_minutes * INTERVAL '1' MINUTE AS bar_at
  FROM bars
  LEFT JOIN sessions ON CAST(bars.bar_local_at AS DATE) = sessions.session_date
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(bar_at AS TIMESTAMP) AS bar_at,
  CAST(bar_local_at AS TIMESTAMP) AS bar_local_at,
  CAST(session_date AS DATE) AS session_date,
  CAST(
    CASE WHEN bar_at < open_at THEN 'pre' WHEN bar_at < close_at THEN 'regular' WHEN bar_at >= close_at THEN 'post' END AS VARCHAR
  ) AS session_phase,
  TRY_CAST(open AS DECIMAL(20, 8)) AS open_usd,
  TRY_CAST(high AS DECIMAL(20, 8)) AS high_usd,
  TRY_CAST(low AS DECIMAL(20, 8)) AS low_usd,
  TRY_CAST(close AS DECIMAL(20, 8)) AS close_usd,
  TRY_CAST(volume AS BIGINT) AS volume,
  CAST(vendor AS VARCHAR) AS vendor,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM timed
