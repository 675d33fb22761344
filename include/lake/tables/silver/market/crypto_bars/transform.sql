-- When points were fetched is left out: it changes with every fetch, and a day that brought nothing new is not published again.
-- An hour without points has no row: a gap is not filled with prices of no trade.
WITH points AS (
  SELECT
    symbol, DATE_TRUNC('hour', epoch_ms(timestamp_ms)) AS bar_at, price, market_cap, total_volume, vendor, _ingested_at,
    ROW_NUMBER() OVER (
      PARTITION BY symbol, DATE_TRUNC('hour', epoch_ms(timestamp_ms)) ORDER BY timestamp_ms, _ingested_at, price
    ) AS from_first,
    ROW_NUMBER() OVER (
      PARTITION BY symbol, DATE_TRUNC('hour', epoch_ms(timestamp_ms)) ORDER BY timestamp_ms DESC, _ingested_at DESC, price DESC
    ) AS from_last
  FROM bronze_market.crypto_bars
  WHERE vs_currency = 'usd' AND price IS NOT NULL
    AND epoch_ms(timestamp_ms) >= $partition_start AND epoch_ms(timestamp_ms) < $partition_end
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(bar_at AS TIMESTAMP) AS bar_at,
  CAST(MAX(CASE WHEN from_first = 1 THEN price END) AS DECIMAL(20, 8)) AS open_usd,
  CAST(MAX(price) AS DECIMAL(20, 8)) AS high_usd,
  CAST(MIN(price) AS DECIMAL(20, 8)) AS low_usd,
  CAST(MAX(CASE WHEN from_last = 1 THEN price END) AS DECIMAL(20, 8)) AS close_usd,
  CAST(COUNT(*) AS INT) AS point_count,
  CAST(MAX(CASE WHEN from_last = 1 THEN market_cap END) AS DECIMAL(24, 2)) AS market_cap_usd,
  CAST(MAX(CASE WHEN from_last = 1 THEN total_volume END) AS DECIMAL(24, 2)) AS volume_24h_usd,
  CAST(MAX(vendor) AS VARCHAR) AS vendor
FROM points
GROUP BY symbol, bar_at
