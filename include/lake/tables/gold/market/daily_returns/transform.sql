-- Prices are as traded, so a split or dividend on this session is made good before two closes are compared.
-- Rounded to 12 decimals: the order in which an engine adds does not show.
WITH bars AS (
  SELECT
    symbol, session_date, asset_class, session_number, close_usd,
    COALESCE(CAST(split_factor AS DOUBLE), 1) AS split, COALESCE(CAST(dividend_usd AS DOUBLE), 0) AS dividend,
    CASE WHEN asset_class = 'crypto' THEN CAST(volume_usd AS DOUBLE) ELSE CAST(close_usd AS DOUBLE) * volume END AS traded,
    LAG(close_usd) OVER (PARTITION BY symbol ORDER BY session_date) AS previous_close,
    LAG(session_date) OVER (PARTITION BY symbol ORDER BY session_date) AS previous_date,
    LAG(session_number) OVER (PARTITION BY symbol ORDER BY session_date) AS previous_number
  FROM silver_market.daily_bars
),

returns AS (
  SELECT
    symbol, session_date, asset_class, session_number, close_usd, traded, previous_close, previous_date, previous_number,
    CAST(close_usd AS DOUBLE) * split / CAST(previous_close AS DOUBLE) - 1 AS price_return,
    (CAST(close_usd AS DOUBLE) + dividend) * split / CAST(previous_close AS DOUBLE) - 1 AS total_return
  FROM bars
),

measured AS (
  SELECT
    symbol, session_date, asset_class, session_number, close_usd, traded, previous_close, previous_date, previous_number,
    price_return, total_return,
    CASE
      WHEN COUNT(total_return) OVER (
        PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
      ) = 20
        THEN STDDEV_SAMP(LN(1 + total_return)) OVER (
          PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
        ) * SQRT(CASE WHEN asset_class = 'crypto' THEN 365 ELSE 252 END)
    END AS volatility
  FROM returns
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(session_date AS DATE) AS session_date,
  CAST(asset_class AS VARCHAR) AS asset_class,
  CAST(close_usd AS DECIMAL(20, 8)) AS close_usd,
  CAST(previous_date AS DATE) AS previous_session_date,
  CAST(previous_close AS DECIMAL(20, 8)) AS previous_close_usd,
  CAST(session_number - previous_number - 1 AS INT) AS missed_session_count,
  CAST(ROUND(price_return, 12) AS DOUBLE) AS price_return,
  CAST(ROUND(total_return, 12) AS DOUBLE) AS total_return,
  CAST(ROUND(LN(1 + total_return), 12) AS DOUBLE) AS log_return,
  CAST(ROUND(volatility, 12) AS DOUBLE) AS volatility_20_annual,
  CAST(traded AS DECIMAL(28, 2)) AS traded_usd
FROM measured
WHERE CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end
