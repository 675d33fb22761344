-- Bars carry their events; here they are on their own.
WITH bars AS (
  SELECT symbol, session_date, split_factor, dividend_usd, vendor, _ingested_at
  FROM silver_market.daily_bars
  WHERE asset_class = 'equity' AND CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end
),

events AS (
  SELECT symbol, session_date, 'split' AS action_type, split_factor, NULL AS dividend_usd, vendor, _ingested_at
  FROM bars
  WHERE split_factor <> 1
  UNION ALL
  SELECT symbol, session_date, 'dividend', NULL, dividend_usd, vendor, _ingested_at
  FROM bars
  WHERE dividend_usd <> 0
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(session_date AS DATE) AS ex_date,
  CAST(action_type AS VARCHAR) AS action_type,
  CAST(split_factor AS DECIMAL(18, 8)) AS split_factor,
  CAST(dividend_usd AS DECIMAL(18, 8)) AS dividend_usd,
  CAST(vendor AS VARCHAR) AS vendor,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM events
