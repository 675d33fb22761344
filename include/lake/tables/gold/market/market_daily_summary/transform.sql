-- A symbol counts as missing on a session if it had a bar in the ten days before.
WITH returns AS (
  SELECT symbol, session_date, asset_class, total_return, traded_usd
  FROM gold_market.daily_returns
),

ranked AS (
  SELECT
    symbol, session_date, asset_class, total_return, traded_usd,
    ROW_NUMBER() OVER (PARTITION BY session_date, asset_class ORDER BY COALESCE(total_return, -1) DESC, symbol) AS from_best,
    ROW_NUMBER() OVER (PARTITION BY session_date, asset_class ORDER BY COALESCE(total_return, 1e9), symbol) AS from_worst
  FROM returns
  WHERE CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end
),

summed AS (
  SELECT
    session_date, asset_class, COUNT(*) AS symbol_count,
    SUM(CASE WHEN total_return > 0 THEN 1 ELSE 0 END) AS advancer_count,
    SUM(CASE WHEN total_return < 0 THEN 1 ELSE 0 END) AS decliner_count,
    AVG(total_return) AS mean_total_return,
    MAX(CASE WHEN from_best = 1 AND total_return IS NOT NULL THEN symbol END) AS best_symbol,
    MAX(CASE WHEN from_worst = 1 AND total_return IS NOT NULL THEN symbol END) AS worst_symbol,
    SUM(traded_usd) AS traded_usd
  FROM ranked
  GROUP BY session_date, asset_class
),

lately AS (
  SELECT summed.session_date, summed.asset_class, COUNT(DISTINCT returns.symbol) AS symbol_count
  FROM summed
  INNER JOIN returns
    ON summed.asset_class = returns.asset_class
    AND returns.session_date <= summed.session_date
    AND CAST(returns.session_date AS TIMESTAMP) >= CAST(summed.session_date AS TIMESTAMP) - INTERVAL '10' DAY
  GROUP BY summed.session_date, summed.asset_class
)

SELECT
  CAST(summed.session_date AS DATE) AS session_date,
  CAST(summed.asset_class AS VARCHAR) AS asset_class,
  CAST(summed.symbol_count AS INT) AS symbol_count,
  CAST(lately.symbol_count - summed.symbol_count AS INT) AS missing_symbol_count,
  CAST(summed.advancer_count AS INT) AS advancer_count,
  CAST(summed.decliner_count AS INT) AS decliner_count,
  CAST(ROUND(summed.mean_total_return, 12) AS DOUBLE) AS mean_total_return,
  CAST(summed.best_symbol AS VARCHAR) AS best_symbol,
  CAST(summed.worst_symbol AS VARCHAR) AS worst_symbol,
  CAST(summed.traded_usd AS DECIMAL(28, 2)) AS traded_usd
FROM summed
INNER JOIN lately ON summed.session_date = lately.session_date AND summed.asset_class = lately.asset_class
