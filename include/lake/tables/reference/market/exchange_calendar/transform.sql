-- The computed sessions, typed and numbered.
SELECT
  CAST(landing.exchange AS VARCHAR) AS exchange,
  CAST(landing.session AS DATE) AS session_date,
  CAST(ROW_NUMBER() OVER (PARTITION BY landing.exchange ORDER BY landing.session) AS INT) AS session_number,
  CAST(landing.open_utc AS TIMESTAMP) AS open_at,
  CAST(landing.close_utc AS TIMESTAMP) AS close_at,
  CAST(landing.utc_offset_minutes AS INT) AS utc_offset_minutes,
  CAST(landing.is_early_close = 'true' AS BOOLEAN) AS is_early_close
FROM landing
