-- The month's stock as it was taken, with what it comes to.
SELECT
  CAST(landing."month_start" AS DATE) AS month_start,
  CAST(landing."tenant" AS VARCHAR) AS tenant,
  CAST(landing."layer" AS VARCHAR) AS layer,
  CAST(landing."domain" AS VARCHAR) AS domain,
  CAST(landing."table_name" AS VARCHAR) AS table_name,
  CAST(landing."storage_class" AS VARCHAR) AS storage_class,
  CAST(landing."object_count" AS BIGINT) AS object_count,
  CAST(landing."stored_bytes" AS BIGINT) AS stored_bytes,
  CAST(landing."old_version_bytes" AS BIGINT) AS old_version_bytes,
  CAST(landing."storage_usd" AS DECIMAL(18, 6)) AS storage_usd,
  CAST(landing."monitoring_usd" AS DECIMAL(18, 6)) AS monitoring_usd,
  CAST(landing."requests_usd" AS DECIMAL(18, 6)) AS requests_usd,
  CAST(landing."transitions_usd" AS DECIMAL(18, 6)) AS transitions_usd,
  CAST(landing."retrieval_usd" AS DECIMAL(18, 6)) AS retrieval_usd,
  CAST(
    CAST(landing."storage_usd" AS DECIMAL(18, 6)) + CAST(landing."monitoring_usd" AS DECIMAL(18, 6))
    + CAST(landing."requests_usd" AS DECIMAL(18, 6)) + CAST(landing."transitions_usd" AS DECIMAL(18, 6))
    + CAST(landing."retrieval_usd" AS DECIMAL(18, 6)) AS DECIMAL(18, 6)
  ) AS total_usd,
  CAST(landing."prices_as_of" AS DATE) AS prices_as_of,
  CAST(landing."taken_at" AS TIMESTAMP) AS taken_at
FROM landing
