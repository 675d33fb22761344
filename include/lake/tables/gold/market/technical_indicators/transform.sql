-- Measures of a fixed window, and the input of transform.py. `shares` is what one share at the beginning of the look-back has become
-- through splits; closes times `shares` are comparable, and divided by it again a measure is in prices of its own session.
WITH bars AS (
  SELECT
    symbol, session_date, close_usd,
    EXP(SUM(LN(COALESCE(CAST(split_factor AS DOUBLE), 1))) OVER (
      PARTITION BY symbol ORDER BY session_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )) AS shares
  FROM silver_market.daily_bars
),

levels AS (
  SELECT symbol, session_date, close_usd, shares, CAST(close_usd AS DOUBLE) * shares AS level
  FROM bars
),

windows AS (
  SELECT
    symbol, session_date, close_usd, shares, level,
    COUNT(*) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 49 PRECEDING AND CURRENT ROW) AS sessions,
    AVG(level) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) / shares AS mean_20,
    AVG(level) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 49 PRECEDING AND CURRENT ROW) / shares AS mean_50,
    STDDEV_POP(level) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) / shares AS spread
  FROM levels
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(session_date AS DATE) AS session_date,
  CAST(close_usd AS DECIMAL(20, 8)) AS close_usd,
  CAST(shares AS DOUBLE) AS shares,
  CAST(level AS DOUBLE) AS level,
  CAST(
    CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end AS BOOLEAN
  ) AS in_period,
  CAST(CASE WHEN sessions >= 20 THEN ROUND(mean_20, 10) END AS DOUBLE) AS sma_20,
  CAST(CASE WHEN sessions = 50 THEN ROUND(mean_50, 10) END AS DOUBLE) AS sma_50,
  CAST(CASE WHEN sessions >= 20 THEN ROUND(mean_20 - 2 * spread, 10) END AS DOUBLE) AS bollinger_lower,
  CAST(CASE WHEN sessions >= 20 THEN ROUND(mean_20 + 2 * spread, 10) END AS DOUBLE) AS bollinger_upper
FROM windows
