-- One row per vendor, symbol and session of the period; the contract's rules and precedence choose among them.
WITH sessions AS (
  SELECT session_date, session_number, open_at, close_at, utc_offset_minutes, is_early_close
  FROM reference_market.exchange_calendar
  WHERE exchange = 'XNYS'
),

yahoo_bars AS (
  SELECT
    REPLACE(symbol, '-', '.') AS symbol, CAST(epoch_ms("timestamp" * 1000) AS DATE) AS session_date,
    open, high, low, close, volume, _ingested_at,
    -- An event may come on a row of its own, and the running session twice, with and without prices.
    COALESCE(MAX(dividend_amount) OVER (
      PARTITION BY symbol, CAST(epoch_ms("timestamp" * 1000) AS DATE), _ingested_at
    ), 0) AS dividend_amount,
    COALESCE(MAX(split_numerator / split_denominator) OVER (
      PARTITION BY symbol, CAST(epoch_ms("timestamp" * 1000) AS DATE), _ingested_at
    ), 1) AS split,
    ROW_NUMBER() OVER (
      PARTITION BY symbol, CAST(epoch_ms("timestamp" * 1000) AS DATE), _ingested_at
      ORDER BY CASE WHEN close IS NULL THEN 1 ELSE 0 END, "timestamp", close, volume
    ) AS place
  FROM bronze_market.yahoo_daily_bars
),

yahoo AS (
  -- Yahoo's prices carry every split known at the fetch; the later ones are in the same answer, so they can be taken out again.
  SELECT
    symbol, session_date, open, high, low, close, volume, dividend_amount, split, _ingested_at,
    COALESCE(EXP(SUM(LN(CASE WHEN split > 0 THEN split ELSE 1 END)) OVER (
      PARTITION BY symbol, _ingested_at ORDER BY session_date ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    )), 1) AS later_splits
  FROM yahoo_bars
  WHERE place = 1
),

yahoo_events AS (
  SELECT
    symbol, session_date, split, dividend_amount * later_splits AS dividend,
    ROW_NUMBER() OVER (PARTITION BY symbol, session_date ORDER BY _ingested_at DESC, split, dividend_amount) AS place
  FROM yahoo
),

coin_points AS (
  SELECT
    symbol, CAST(epoch_ms(timestamp_ms) AS DATE) AS session_date, price, total_volume, _ingested_at,
    ROW_NUMBER() OVER (
      PARTITION BY symbol, CAST(epoch_ms(timestamp_ms) AS DATE), _ingested_at ORDER BY timestamp_ms, price
    ) AS from_first,
    ROW_NUMBER() OVER (
      PARTITION BY symbol, CAST(epoch_ms(timestamp_ms) AS DATE), _ingested_at ORDER BY timestamp_ms DESC, price DESC
    ) AS from_last
  FROM bronze_market.crypto_bars
  WHERE vs_currency = 'usd' AND price IS NOT NULL
),

observed AS (
  SELECT
    bars.symbol, TRY_CAST(bars.session_date AS DATE) AS session_date, 'equity' AS asset_class,
    TRY_CAST(bars.open AS DECIMAL(20, 8)) AS open_usd, TRY_CAST(bars.high AS DECIMAL(20, 8)) AS high_usd,
    TRY_CAST(bars.low AS DECIMAL(20, 8)) AS low_usd, TRY_CAST(bars.close AS DECIMAL(20, 8)) AS close_usd,
    TRY_CAST(bars.volume AS BIGINT) AS volume, CAST(NULL AS DECIMAL(24, 2)) AS volume_usd,
    COALESCE(TRY_CAST(bars.split_coefficient AS DECIMAL(18, 8)), TRY_CAST(events.split AS DECIMAL(18, 8))) AS split_factor,
    COALESCE(
      TRY_CAST(bars.dividend_amount AS DECIMAL(18, 8)), TRY_CAST(ROUND(events.dividend, 6) AS DECIMAL(18, 8))
    ) AS dividend_usd,
    'alpha_vantage' AS vendor, 1 AS vendor_rank, bars._ingested_at,
    -- A refresh with a time of day (New York) is of a session under way; a mere date says that it was over.
    CASE WHEN LENGTH(bars.last_refreshed) > 10 AND SUBSTRING(bars.last_refreshed, 1, 10) = bars.session_date
      THEN TRY_CAST(bars.last_refreshed AS TIMESTAMP)
    END AS refreshed_local_at
  FROM bronze_market.equity_daily_bars AS bars
  LEFT JOIN yahoo_events AS events
    ON bars.symbol = events.symbol AND TRY_CAST(bars.session_date AS DATE) = events.session_date AND events.place = 1
  UNION ALL
  SELECT
    symbol, session_date, 'equity',
    TRY_CAST(ROUND(open * later_splits, 4) AS DECIMAL(20, 8)), TRY_CAST(ROUND(high * later_splits, 4) AS DECIMAL(20, 8)),
    TRY_CAST(ROUND(low * later_splits, 4) AS DECIMAL(20, 8)), TRY_CAST(ROUND(close * later_splits, 4) AS DECIMAL(20, 8)),
    TRY_CAST(ROUND(volume / later_splits, 0) AS BIGINT), NULL,
    TRY_CAST(split AS DECIMAL(18, 8)), TRY_CAST(ROUND(dividend_amount * later_splits, 6) AS DECIMAL(18, 8)),
    'yahoo', 2, _ingested_at, NULL
  FROM yahoo
  UNION ALL
  SELECT
    symbol, session_date, 'crypto',
    TRY_CAST(MAX(CASE WHEN from_first = 1 THEN price END) AS DECIMAL(20, 8)), TRY_CAST(MAX(price) AS DECIMAL(20, 8)),
    TRY_CAST(MIN(price) AS DECIMAL(20, 8)), TRY_CAST(MAX(CASE WHEN from_last = 1 THEN price END) AS DECIMAL(20, 8)),
    NULL, TRY_CAST(MAX(CASE WHEN from_last = 1 THEN total_volume END) AS DECIMAL(24, 2)),
    1, 0, 'coingecko', 1, _ingested_at, NULL
  FROM coin_points
  GROUP BY symbol, session_date, _ingested_at
)

SELECT
  CAST(observed.symbol AS VARCHAR) AS symbol,
  CAST(observed.session_date AS DATE) AS session_date,
  CAST(observed.asset_class AS VARCHAR) AS asset_class,
  CAST(observed.open_usd AS DECIMAL(20, 8)) AS open_usd,
  CAST(observed.high_usd AS DECIMAL(20, 8)) AS high_usd,
  CAST(observed.low_usd AS DECIMAL(20, 8)) AS low_usd,
  CAST(observed.close_usd AS DECIMAL(20, 8)) AS close_usd,
  CAST(observed.volume AS BIGINT) AS volume,
  CAST(observed.volume_usd AS DECIMAL(24, 2)) AS volume_usd,
  CAST(observed.split_factor AS DECIMAL(18, 8)) AS split_factor,
  CAST(observed.dividend_usd AS DECIMAL(18, 8)) AS dividend_usd,
  CAST(
    CASE
      WHEN observed.asset_class = 'crypto' THEN epoch(CAST(observed.session_date AS TIMESTAMP)) / 86400
      ELSE sessions.session_number
    END AS INT
  ) AS session_number,
  CAST(
    CASE WHEN observed.asset_class = 'crypto' THEN CAST(observed.session_date AS TIMESTAMP) ELSE sessions.open_at END AS TIMESTAMP
  ) AS session_open_at,
  CAST(
    CASE
      WHEN observed.asset_class = 'crypto' THEN CAST(observed.session_date AS TIMESTAMP) + INTERVAL '1' DAY
      ELSE sessions.close_at
    END AS TIMESTAMP
  ) AS session_close_at,
  CAST(CASE WHEN observed.asset_class = 'crypto' THEN FALSE ELSE sessions.is_early_close END AS BOOLEAN) AS is_early_close,
  CAST(observed.vendor AS VARCHAR) AS vendor,
  CAST(observed.vendor_rank AS INT) AS vendor_rank,
  CAST(
    CASE
      WHEN observed.refreshed_local_at - sessions.utc_offset_minutes * INTERVAL '1' MINUTE < observed._ingested_at
        THEN observed.refreshed_local_at - sessions.utc_offset_minutes * INTERVAL '1' MINUTE
      ELSE observed._ingested_at
    END AS TIMESTAMP
  ) AS observed_until_at,
  CAST(observed._ingested_at AS TIMESTAMP) AS _ingested_at
FROM observed
LEFT JOIN sessions ON observed.session_date = sessions.session_date
-- A date that does not parse belongs to no period: whichever run meets it quarantines it.
WHERE observed.session_date IS NULL
  OR (observed.session_date >= $partition_date AND CAST(observed.session_date AS TIMESTAMP) < $partition_end)
