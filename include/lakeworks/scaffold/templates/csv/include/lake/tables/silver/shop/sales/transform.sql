-- Sales with their types and their amount. Rows that break a rule of the contract go to quarantine, not here.
SELECT
  CAST(sale_id AS VARCHAR) AS sale_id,
  CAST(sold_at AS TIMESTAMP) AS sold_at,
  CAST(product AS VARCHAR) AS product,
  CAST(quantity AS BIGINT) AS quantity,
  CAST(quantity * unit_price AS DECIMAL(14, 2)) AS amount_eur,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM bronze_shop.sales
