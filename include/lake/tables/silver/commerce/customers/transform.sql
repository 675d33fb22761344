-- One row per received version of a customer; the contract's grain keeps the newest good one.
-- E-mail and telephone leave here in clear and normalised: the contract's `masking` hashes them before anything is stored.
SELECT
  CAST(id AS BIGINT) AS customer_id,
  CAST(NULLIF(LOWER(TRIM(email)), '') AS VARCHAR) AS email_hash,
  CAST(NULLIF(LOWER(SPLIT_PART(TRIM(email), '@', 2)), '') AS VARCHAR) AS email_domain,
  CAST(NULLIF(REGEXP_REPLACE(phone, '[^0-9+]', '', 'g'), '') AS VARCHAR) AS phone_hash,
  CAST(COALESCE(first_name, last_name) IS NOT NULL AS BOOLEAN) AS has_name,
  CAST(state AS VARCHAR) AS state,
  CAST(verified_email AS BOOLEAN) AS is_email_verified,
  CAST(default_address.country_code AS VARCHAR) AS country,
  CAST(default_address.province_code AS VARCHAR) AS province,
  CAST(SUBSTR(default_address.zip, 1, 3) AS VARCHAR) AS postal_area,
  CAST(tags AS VARCHAR) AS tags,
  TRY_CAST(TRY_CAST(created_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS created_at,
  TRY_CAST(TRY_CAST(updated_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS updated_at,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM bronze_commerce.customers
