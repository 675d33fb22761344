-- Money comes from the orders (it is what was charged), pieces from their lines; sums of decimals are exact.
WITH per_order AS (
  SELECT order_id, SUM(quantity) AS quantity
  FROM silver_commerce.order_lines
  GROUP BY order_id
),

sold AS (
  SELECT order_date, currency, COUNT(DISTINCT product_id) AS unique_products
  FROM silver_commerce.order_lines
  WHERE NOT is_cancelled AND NOT is_test
  GROUP BY order_date, currency
),

orders AS (
  SELECT
    orders.order_date, orders.currency, orders.customer_id, orders.is_cancelled,
    CASE WHEN orders.is_cancelled THEN 0 ELSE 1 END AS counts_as_order,
    COALESCE(per_order.quantity, 0) AS quantity,
    orders.total_amount, orders.discount_amount, orders.tax_amount, orders.refunded_amount
  FROM silver_commerce.orders AS orders
  LEFT JOIN per_order ON orders.order_id = per_order.order_id
  WHERE NOT orders.is_test
)

SELECT
  CAST(orders.order_date AS DATE) AS order_date,
  CAST(orders.currency AS VARCHAR) AS currency,
  CAST(SUM(orders.counts_as_order) AS BIGINT) AS order_count,
  CAST(COUNT(*) - SUM(orders.counts_as_order) AS BIGINT) AS cancelled_order_count,
  CAST(COUNT(DISTINCT CASE WHEN NOT orders.is_cancelled THEN orders.customer_id END) AS BIGINT) AS customer_count,
  CAST(SUM(orders.counts_as_order * orders.quantity) AS BIGINT) AS total_quantity,
  CAST(COALESCE(MAX(sold.unique_products), 0) AS BIGINT) AS unique_products,
  CAST(SUM(orders.counts_as_order * orders.total_amount) AS DECIMAL(18, 2)) AS total_amount,
  CAST(SUM(orders.counts_as_order * orders.discount_amount) AS DECIMAL(18, 2)) AS discount_amount,
  CAST(SUM(orders.counts_as_order * orders.tax_amount) AS DECIMAL(18, 2)) AS tax_amount,
  CAST(SUM(orders.counts_as_order * orders.refunded_amount) AS DECIMAL(18, 2)) AS refunded_amount,
  CAST(SUM(orders.counts_as_order * (orders.total_amount - orders.refunded_amount)) AS DECIMAL(18, 2)) AS net_amount
FROM orders
LEFT JOIN sold ON orders.order_date = sold.order_date AND orders.currency = sold.currency
GROUP BY orders.order_date, orders.currency
