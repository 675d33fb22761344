-- Each domain gives at most one row a day; the days of all of them are the digest's.
WITH market AS (
  SELECT
    session_date AS digest_date,
    MAX(CASE WHEN asset_class = 'equity' THEN symbol_count END) AS equity_symbol_count,
    MAX(CASE WHEN asset_class = 'equity' THEN mean_total_return END) AS equity_mean_total_return,
    MAX(CASE WHEN asset_class = 'equity' THEN best_symbol END) AS equity_best_symbol,
    MAX(CASE WHEN asset_class = 'equity' THEN worst_symbol END) AS equity_worst_symbol,
    MAX(CASE WHEN asset_class = 'crypto' THEN symbol_count END) AS crypto_symbol_count,
    MAX(CASE WHEN asset_class = 'crypto' THEN mean_total_return END) AS crypto_mean_total_return
  FROM gold_market.market_daily_summary
  GROUP BY session_date
),

sales AS (
  SELECT
    order_date AS digest_date,
    SUM(order_count) AS order_count,
    CASE WHEN COUNT(*) = 1 THEN MAX(currency) END AS sales_currency,
    CASE WHEN COUNT(*) = 1 THEN MAX(net_amount) END AS net_sales_amount
  FROM gold_commerce.daily_sales
  GROUP BY order_date
),

taxis AS (
  SELECT trip_date AS digest_date, SUM(trip_count) AS taxi_trip_count, SUM(total_fare_usd) AS taxi_fare_usd
  FROM gold_transport.zone_daily_summary
  GROUP BY trip_date
),

days AS (
  SELECT digest_date FROM market
  UNION
  SELECT digest_date FROM sales
  UNION
  SELECT digest_date FROM taxis
)

SELECT
  CAST(days.digest_date AS DATE) AS digest_date,
  CAST(market.equity_symbol_count AS INT) AS equity_symbol_count,
  CAST(market.equity_mean_total_return AS DOUBLE) AS equity_mean_total_return,
  CAST(market.equity_best_symbol AS VARCHAR) AS equity_best_symbol,
  CAST(market.equity_worst_symbol AS VARCHAR) AS equity_worst_symbol,
  CAST(market.crypto_symbol_count AS INT) AS crypto_symbol_count,
  CAST(market.crypto_mean_total_return AS DOUBLE) AS crypto_mean_total_return,
  CAST(sales.order_count AS BIGINT) AS order_count,
  CAST(sales.sales_currency AS VARCHAR) AS sales_currency,
  CAST(sales.net_sales_amount AS DECIMAL(18, 2)) AS net_sales_amount,
  CAST(taxis.taxi_trip_count AS BIGINT) AS taxi_trip_count,
  CAST(taxis.taxi_fare_usd AS DECIMAL(18, 2)) AS taxi_fare_usd
FROM days
LEFT JOIN market ON days.digest_date = market.digest_date
LEFT JOIN sales ON days.digest_date = sales.digest_date
LEFT JOIN taxis ON days.digest_date = taxis.digest_date
WHERE CAST(days.digest_date AS TIMESTAMP) >= $partition_start AND CAST(days.digest_date AS TIMESTAMP) < $partition_end
