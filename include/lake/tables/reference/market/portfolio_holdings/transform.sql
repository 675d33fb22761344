-- The declared rows, typed.
SELECT
  CAST(landing.portfolio AS VARCHAR) AS portfolio,
  CAST(landing.symbol AS VARCHAR) AS symbol,
  TRY_CAST(landing.quantity AS DECIMAL(20, 6)) AS quantity,
  TRY_CAST(landing.valid_from_date AS DATE) AS valid_from_date,
  TRY_CAST(landing.valid_to_date AS DATE) AS valid_to_date
FROM landing
