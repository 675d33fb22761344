-- Vendors send events with the bar of the ex-date; here they are on their own.
WITH yahoo_rows AS (
  SELECT
    REPLACE(symbol, '-', '.') AS symbol, CAST(epoch_ms("timestamp" * 1000) AS DATE) AS session_date,
    COALESCE(MAX(split_numerator / split_denominator), 1) AS split, COALESCE(MAX(dividend_amount), 0) AS dividend, _ingested_at
  FROM bronze_market.yahoo_daily_bars
  GROUP BY REPLACE(symbol, '-', '.'), CAST(epoch_ms("timestamp" * 1000) AS DATE), _ingested_at
),

yahoo AS (
  -- As its prices, its dividends are adjusted for the splits that came later.
  SELECT
    symbol, session_date, split, _ingested_at,
    dividend * COALESCE(EXP(SUM(LN(CASE WHEN split > 0 THEN split ELSE 1 END)) OVER (
      PARTITION BY symbol, _ingested_at ORDER BY session_date ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )), 1) AS dividend
  FROM yahoo_rows
),

observed AS (
  SELECT
    symbol, TRY_CAST(session_date AS DATE) AS session_date, TRY_CAST(split_coefficient AS DECIMAL(18, 8)) AS split_factor,
    TRY_CAST(dividend_amount AS DECIMAL(18, 8)) AS dividend_usd, 'alpha_vantage' AS vendor, 1 AS vendor_rank, _ingested_at
  FROM bronze_market.equity_daily_bars
  WHERE split_coefficient IS NOT NULL
  UNION ALL
  SELECT
    symbol, session_date, TRY_CAST(split AS DECIMAL(18, 8)), TRY_CAST(ROUND(dividend, 6) AS DECIMAL(18, 8)), 'yahoo', 2, _ingested_at
  FROM yahoo
),

numbered AS (
  SELECT
    symbol, session_date, vendor, vendor_rank, _ingested_at,
    ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY session_date, vendor_rank, _ingested_at DESC) AS place
  FROM observed
  WHERE session_date IS NOT NULL
),

events AS (
  SELECT symbol, session_date, 'split' AS action_type, split_factor, NULL AS dividend_usd, vendor, vendor_rank, _ingested_at
  FROM observed
  WHERE split_factor <> 1
  UNION ALL
  SELECT symbol, session_date, 'dividend', NULL, dividend_usd, vendor, vendor_rank, _ingested_at
  FROM observed
  WHERE dividend_usd <> 0
  UNION ALL
  SELECT symbol, session_date, 'known_since', NULL, NULL, vendor, vendor_rank, _ingested_at
  FROM numbered
  WHERE place = 1
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(session_date AS DATE) AS ex_date,
  CAST(action_type AS VARCHAR) AS action_type,
  CAST(split_factor AS DECIMAL(18, 8)) AS split_factor,
  CAST(dividend_usd AS DECIMAL(18, 8)) AS dividend_usd,
  CAST(vendor AS VARCHAR) AS vendor,
  CAST(vendor_rank AS INT) AS vendor_rank,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM events
