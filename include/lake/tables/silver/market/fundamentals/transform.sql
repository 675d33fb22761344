-- Every filing repeats facts of earlier ones, sometimes restated; the contract keeps the one filed last.
SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(cik AS BIGINT) AS cik,
  CAST(entity_name AS VARCHAR) AS entity_name,
  CAST(taxonomy AS VARCHAR) AS taxonomy,
  CAST(tag AS VARCHAR) AS tag,
  CAST(unit AS VARCHAR) AS unit,
  TRY_CAST(COALESCE("start", "end") AS DATE) AS period_start_date,
  TRY_CAST("end" AS DATE) AS period_end_date,
  CAST("start" IS NULL AS BOOLEAN) AS is_instant,
  TRY_CAST(val AS DECIMAL(28, 6)) AS value,
  TRY_CAST(filed AS DATE) AS filed_date,
  CAST(
    MIN(TRY_CAST(filed AS DATE)) OVER (PARTITION BY symbol, taxonomy, tag, unit, "start", "end") AS DATE
  ) AS first_filed_date,
  TRY_CAST(fy AS INT) AS fiscal_year,
  CAST(fp AS VARCHAR) AS fiscal_period,
  CAST(form AS VARCHAR) AS form,
  CAST(accn AS VARCHAR) AS accession_number,
  CAST(_ingested_at AS TIMESTAMP) AS _ingested_at
FROM bronze_market.fundamentals
