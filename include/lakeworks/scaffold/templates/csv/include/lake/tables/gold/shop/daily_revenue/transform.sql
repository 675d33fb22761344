-- Sales by day and product.
SELECT
  CAST(sold_at AS DATE) AS sale_date,
  CAST(product AS VARCHAR) AS product,
  CAST(COUNT(*) AS BIGINT) AS sale_count,
  CAST(SUM(quantity) AS BIGINT) AS quantity,
  CAST(SUM(amount_eur) AS DECIMAL(16, 2)) AS revenue_eur
FROM silver_shop.sales
WHERE sold_at >= $partition_start AND sold_at < $partition_end
GROUP BY CAST(sold_at AS DATE), product
