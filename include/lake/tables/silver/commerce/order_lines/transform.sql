-- One row per line of an order; a line that a newer version of its order no longer has is gone with the older version.
WITH lines AS (
  SELECT
    orders.order_id, orders.order_date, orders.created_at, orders.updated_at, orders.customer_id, orders.is_cancelled,
    orders.is_test, orders.currency, orders._ingested_at, line.item AS item,
    TRY_CAST(line.item.price AS DECIMAL(18, 2)) AS unit_price,
    COALESCE(TRY_CAST(line.item.total_discount AS DECIMAL(18, 2)), 0) AS discount_amount
  FROM silver_commerce.orders AS orders
  CROSS JOIN UNNEST(orders.line_items) AS line(item)
)

SELECT
  CAST(lines.item.id AS BIGINT) AS order_line_id,
  CAST(lines.order_id AS BIGINT) AS order_id,
  CAST(lines.order_date AS DATE) AS order_date,
  CAST(lines.created_at AS TIMESTAMP) AS created_at,
  CAST(lines.updated_at AS TIMESTAMP) AS updated_at,
  CAST(lines.customer_id AS BIGINT) AS customer_id,
  CAST(lines.is_cancelled AS BOOLEAN) AS is_cancelled,
  CAST(lines.is_test AS BOOLEAN) AS is_test,
  CAST(lines.item.product_id AS BIGINT) AS product_id,
  CAST(lines.item.variant_id AS BIGINT) AS variant_id,
  CAST(lines.item.sku AS VARCHAR) AS sku,
  CAST(lines.item.title AS VARCHAR) AS title,
  CAST(COALESCE(products.department, CASE WHEN products.product_id IS NOT NULL THEN 'unknown' END) AS VARCHAR) AS department,
  CAST(products.vendor AS VARCHAR) AS vendor,
  CAST(lines.item.quantity AS BIGINT) AS quantity,
  CAST(lines.unit_price AS DECIMAL(18, 2)) AS unit_price,
  CAST(lines.discount_amount AS DECIMAL(18, 2)) AS discount_amount,
  TRY_CAST(lines.item.quantity * lines.unit_price - lines.discount_amount AS DECIMAL(18, 2)) AS line_amount,
  CAST(lines.currency AS VARCHAR) AS currency,
  CAST(lines._ingested_at AS TIMESTAMP) AS _ingested_at
FROM lines
LEFT JOIN silver_commerce.products AS products ON lines.item.product_id = products.product_id
