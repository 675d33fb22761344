WITH spent AS (
  SELECT
    order_date, currency, customer_id,
    COUNT(*) AS order_count,
    SUM(total_amount - refunded_amount) AS net_amount
  FROM silver_commerce.orders
  WHERE NOT is_cancelled AND NOT is_test AND customer_id IS NOT NULL
  GROUP BY order_date, currency, customer_id
),

ranked AS (
  SELECT
    order_date, currency, customer_id, order_count, net_amount,
    ROW_NUMBER() OVER (PARTITION BY order_date, currency ORDER BY net_amount DESC, customer_id) AS customer_rank
  FROM spent
)

SELECT
  CAST(order_date AS DATE) AS order_date,
  CAST(currency AS VARCHAR) AS currency,
  CAST(customer_rank AS BIGINT) AS customer_rank,
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(order_count AS BIGINT) AS order_count,
  CAST(net_amount AS DECIMAL(18, 2)) AS net_amount,
  CAST(CAST(net_amount AS DOUBLE) / order_count AS DECIMAL(18, 2)) AS avg_order_amount
FROM ranked
WHERE customer_rank <= 100
