-- Lines of orders that stand. Refunds are amounts of an order, not of a line: see gold.commerce.daily_sales.
SELECT
  CAST(lines.order_date AS DATE) AS order_date,
  CAST(COALESCE(lines.department, 'NOT IN CATALOGUE') AS VARCHAR) AS department,
  CAST(lines.currency AS VARCHAR) AS currency,
  CAST(COUNT(DISTINCT lines.order_id) AS BIGINT) AS order_count,
  CAST(SUM(lines.quantity) AS BIGINT) AS total_quantity,
  CAST(COUNT(DISTINCT lines.product_id) AS BIGINT) AS unique_products,
  CAST(SUM(lines.discount_amount) AS DECIMAL(18, 2)) AS discount_amount,
  CAST(SUM(lines.line_amount) AS DECIMAL(18, 2)) AS line_amount
FROM silver_commerce.order_lines AS lines
WHERE NOT lines.is_cancelled AND NOT lines.is_test
GROUP BY lines.order_date, COALESCE(lines.department, 'NOT IN CATALOGUE'), lines.currency
