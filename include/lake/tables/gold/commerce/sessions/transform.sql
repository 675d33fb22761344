-- A session begins with a customer's first event of the day, and with each event more than 30 minutes after the one before.
WITH ordered AS (
  SELECT
    customer_id, sales_date, occurred_at, event_id, event_type, product_id,
    LAG(occurred_at) OVER (PARTITION BY customer_id, sales_date ORDER BY occurred_at, event_id) AS before_at
  FROM silver_commerce.events
  WHERE customer_id IS NOT NULL AND event_type IN ('product_viewed', 'order_placed')
),

numbered AS (
  SELECT
    customer_id, sales_date, occurred_at, event_type, product_id,
    SUM(CASE WHEN before_at IS NULL OR occurred_at > before_at + INTERVAL '30' MINUTE THEN 1 ELSE 0 END)
      OVER (PARTITION BY customer_id, sales_date ORDER BY occurred_at, event_id) AS session_number
  FROM ordered
)

SELECT
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(sales_date AS DATE) AS sales_date,
  CAST(session_number AS INT) AS session_number,
  CAST(MIN(occurred_at) AS TIMESTAMP) AS started_at,
  CAST(MAX(occurred_at) AS TIMESTAMP) AS ended_at,
  CAST(EPOCH(MAX(occurred_at)) - EPOCH(MIN(occurred_at)) AS BIGINT) AS duration_seconds,
  CAST(COUNT(*) AS BIGINT) AS event_count,
  CAST(SUM(CASE WHEN event_type = 'product_viewed' THEN 1 ELSE 0 END) AS BIGINT) AS view_count,
  CAST(COUNT(DISTINCT product_id) AS BIGINT) AS product_count,
  CAST(SUM(CASE WHEN event_type = 'order_placed' THEN 1 ELSE 0 END) AS BIGINT) AS order_count
FROM numbered
GROUP BY customer_id, sales_date, session_number
