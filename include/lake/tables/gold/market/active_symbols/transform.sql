-- Coins trade on weekends, and have no shares: sessions are those of the exchange. Sums of decimals are exact, so the mean is the same number on every engine.
WITH sessions AS (
  SELECT DISTINCT session_date
  FROM silver_market.daily_bars
  WHERE asset_class = 'equity' AND CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end
),

active AS (
  SELECT symbol, session_date, close_usd, volume
  FROM silver_market.daily_bars
  WHERE volume > 1000000
)

SELECT
  CAST(active.symbol AS VARCHAR) AS symbol,
  CAST(sessions.session_date AS DATE) AS session_date,
  CAST(COUNT(*) AS INT) AS active_session_count,
  CAST(CAST(SUM(active.close_usd) AS DOUBLE) / COUNT(*) AS DOUBLE) AS mean_close_usd,
  CAST(MAX(active.volume) AS BIGINT) AS largest_volume
FROM sessions
INNER JOIN active
  ON active.session_date <= sessions.session_date
  AND CAST(active.session_date AS TIMESTAMP) > CAST(sessions.session_date AS TIMESTAMP) - INTERVAL '30' DAY
GROUP BY active.symbol, sessions.session_date
