-- The current state of all customers: whichever day runs, the result is the newest that silver has.
SELECT
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(COALESCE(country || '-' || province, country, 'unknown') AS VARCHAR) AS region,
  CAST(state AS VARCHAR) AS state,
  CAST(is_email_verified AS BOOLEAN) AS is_email_verified,
  CAST(email_domain AS VARCHAR) AS email_domain,
  CAST(tags AS VARCHAR) AS tags,
  CAST(created_at AS DATE) AS customer_since,
  CAST(updated_at AS TIMESTAMP) AS changed_at
FROM silver_commerce.customers
