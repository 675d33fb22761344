-- The stretch is counted back from the end of the run's day, in UTC.
WITH orders AS (
  SELECT
    customer_id, created_at, total_amount - refunded_amount AS net_amount,
    CASE WHEN created_at >= $partition_end - INTERVAL '30' DAY THEN 1 ELSE 0 END AS is_recent
  FROM silver_commerce.orders
  WHERE created_at >= $partition_end - INTERVAL '90' DAY AND created_at < $partition_end
    AND NOT is_cancelled AND NOT is_test
),

bought AS (
  SELECT
    customer_id,
    SUM(is_recent) AS order_count_30d,
    COUNT(*) AS order_count_90d,
    SUM(is_recent * net_amount) AS net_amount_30d,
    SUM(net_amount) AS net_amount_90d,
    MAX(created_at) AS last_order_at
  FROM orders
  GROUP BY customer_id
)

SELECT
  CAST($partition_date AS DATE) AS snapshot_date,
  CAST(customers.customer_id AS BIGINT) AS customer_id,
  CAST(customers.country AS VARCHAR) AS country,
  CAST(customers.province AS VARCHAR) AS province,
  CAST(customers.tags AS VARCHAR) AS tags,
  CAST(COALESCE(bought.order_count_30d, 0) AS BIGINT) AS order_count_30d,
  CAST(COALESCE(bought.order_count_90d, 0) AS BIGINT) AS order_count_90d,
  CAST(COALESCE(bought.net_amount_30d, 0) AS DECIMAL(18, 2)) AS net_amount_30d,
  CAST(COALESCE(bought.net_amount_90d, 0) AS DECIMAL(18, 2)) AS net_amount_90d,
  CAST(bought.last_order_at AS TIMESTAMP) AS last_order_at,
  CAST(FLOOR((epoch($partition_end) - epoch(bought.last_order_at)) / 86400) AS INT) AS days_since_last_order,
  CAST(
    CASE WHEN bought.order_count_30d > 0 THEN 'active' WHEN bought.order_count_90d > 0 THEN 'lapsing' ELSE 'inactive' END AS VARCHAR
  ) AS activity
FROM silver_commerce.customers AS customers
LEFT JOIN bought ON customers.customer_id = bought.customer_id
WHERE customers.created_at < $partition_end
