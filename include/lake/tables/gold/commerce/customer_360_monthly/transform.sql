WITH orders AS (
  SELECT
    CAST(DATE_TRUNC('month', order_date) AS DATE) AS order_month,
    order_date, customer_id, currency,
    CASE WHEN is_cancelled THEN 0 ELSE 1 END AS counts_as_order,
    total_amount, discount_amount, refunded_amount
  FROM silver_commerce.orders
  WHERE NOT is_test AND customer_id IS NOT NULL
)

SELECT
  CAST(order_month AS DATE) AS order_month,
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(currency AS VARCHAR) AS currency,
  CAST(SUM(counts_as_order) AS BIGINT) AS order_count,
  CAST(COUNT(*) - SUM(counts_as_order) AS BIGINT) AS cancelled_order_count,
  CAST(COUNT(DISTINCT CASE WHEN counts_as_order = 1 THEN order_date END) AS BIGINT) AS active_days,
  CAST(MIN(CASE WHEN counts_as_order = 1 THEN order_date END) AS DATE) AS first_order_date,
  CAST(MAX(CASE WHEN counts_as_order = 1 THEN order_date END) AS DATE) AS last_order_date,
  CAST(SUM(counts_as_order * total_amount) AS DECIMAL(18, 2)) AS total_amount,
  CAST(SUM(counts_as_order * discount_amount) AS DECIMAL(18, 2)) AS discount_amount,
  CAST(SUM(counts_as_order * refunded_amount) AS DECIMAL(18, 2)) AS refunded_amount,
  CAST(SUM(counts_as_order * (total_amount - refunded_amount)) AS DECIMAL(18, 2)) AS net_amount,
  CAST(
    CAST(SUM(counts_as_order * (total_amount - refunded_amount)) AS DOUBLE) / NULLIF(SUM(counts_as_order), 0) AS DECIMAL(18, 2)
  ) AS avg_order_amount
FROM orders
GROUP BY order_month, customer_id, currency
