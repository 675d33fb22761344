-- Every value of the answer is text; `None`, `-` and (for amounts) `0` stand for "unknown".
SELECT
  CAST(landing."Symbol" AS VARCHAR) AS symbol,
  CAST(NULLIF(NULLIF(landing."Name", 'None'), '-') AS VARCHAR) AS name,
  CAST(NULLIF(NULLIF(landing."AssetType", 'None'), '-') AS VARCHAR) AS asset_type,
  TRY_CAST(NULLIF(landing."CIK", '0') AS BIGINT) AS cik,
  CAST(NULLIF(NULLIF(landing."Exchange", 'None'), '-') AS VARCHAR) AS exchange,
  CAST(NULLIF(NULLIF(landing."Currency", 'None'), '-') AS VARCHAR) AS currency,
  CAST(NULLIF(NULLIF(landing."Country", 'None'), '-') AS VARCHAR) AS country,
  CAST(NULLIF(NULLIF(landing."Sector", 'None'), '-') AS VARCHAR) AS sector,
  CAST(NULLIF(NULLIF(landing."Industry", 'None'), '-') AS VARCHAR) AS industry,
  CAST(NULLIF(NULLIF(landing."FiscalYearEnd", 'None'), '-') AS VARCHAR) AS fiscal_year_end,
  TRY_CAST(landing."LatestQuarter" AS DATE) AS latest_quarter_date,
  TRY_CAST(NULLIF(landing."SharesOutstanding", '0') AS BIGINT) AS shares_outstanding,
  TRY_CAST(NULLIF(landing."MarketCapitalization", '0') AS DECIMAL(20, 2)) AS market_cap_usd
FROM landing
