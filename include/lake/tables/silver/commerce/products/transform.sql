-- One row per received version of a product; the contract's grain keeps the newest good one.
SELECT
  CAST(id AS BIGINT) AS product_id,
  CAST(title AS VARCHAR) AS title,
  CAST(product_type AS VARCHAR) AS department,
  CAST(vendor AS VARCHAR) AS vendor,
  CAST(status AS VARCHAR) AS status,
  CAST(tags AS VARCHAR) AS tags,
  TRY_CAST(TRY_CAST(created_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS created_at,
  TRY_CAST(TRY_CAST(updated_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS updated_at,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM bronze_commerce.products
