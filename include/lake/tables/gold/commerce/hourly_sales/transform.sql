-- Sales by the hour of the shop's clock; sums of decimals are exact.
SELECT
  CAST(sales_date AS DATE) AS sales_date,
  CAST(sales_hour AS INT) AS sales_hour,
  CAST(currency AS VARCHAR) AS currency,
  CAST(COUNT(*) AS BIGINT) AS event_count,
  CAST(SUM(CASE WHEN event_type = 'order_placed' THEN 1 ELSE 0 END) AS BIGINT) AS order_count,
  CAST(COUNT(DISTINCT customer_id) AS BIGINT) AS customer_count,
  CAST(SUM(CASE WHEN event_type = 'order_placed' THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS sold_amount,
  CAST(SUM(CASE WHEN event_type = 'order_placed' THEN 0 ELSE amount END) AS DECIMAL(18, 2)) AS returned_amount,
  CAST(SUM(amount) AS DECIMAL(18, 2)) AS net_amount
FROM silver_commerce.events
WHERE event_type <> 'product_viewed'
GROUP BY sales_date, sales_hour, currency
