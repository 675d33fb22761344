-- The published CSV, typed. Some dates carry notes; the first ten characters are the date.
SELECT
  CAST('SP500' AS VARCHAR) AS index_code,
  CAST(landing."Symbol" AS VARCHAR) AS symbol,
  CAST(landing."Security" AS VARCHAR) AS company_name,
  CAST(landing."GICS Sector" AS VARCHAR) AS sector,
  CAST(landing."GICS Sub-Industry" AS VARCHAR) AS sub_industry,
  CAST(landing."Headquarters Location" AS VARCHAR) AS headquarters,
  TRY_CAST(SUBSTRING(landing."Date added", 1, 10) AS DATE) AS added_date,
  TRY_CAST(landing."CIK" AS BIGINT) AS cik,
  CAST(landing."Founded" AS VARCHAR) AS founded
FROM landing
