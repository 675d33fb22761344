-- Sums of decimals are exact, so the means do not depend on the order in which an engine adds.
SELECT
  CAST(pickup_at AS DATE) AS trip_date,
  CAST(pickup_zone_id AS INT) AS pickup_zone_id,
  CAST(pickup_zone_name AS VARCHAR) AS pickup_zone_name,
  CAST(pickup_borough AS VARCHAR) AS pickup_borough,
  CAST(COUNT(*) AS BIGINT) AS trip_count,
  CAST(SUM(fare_amount_usd) AS DECIMAL(14, 2)) AS total_fare_usd,
  CAST(CAST(SUM(fare_amount_usd) AS DOUBLE) / COUNT(*) AS DECIMAL(12, 2)) AS avg_fare_usd,
  CAST(CAST(SUM(trip_distance_miles) AS DOUBLE) / COUNT(*) AS DECIMAL(12, 3)) AS avg_distance_miles,
  CAST(CAST(SUM(trip_duration_minutes) AS DOUBLE) / COUNT(*) AS DECIMAL(10, 2)) AS avg_duration_minutes
FROM silver_transport.trips
WHERE pickup_at >= $partition_start AND pickup_at < $partition_end
GROUP BY CAST(pickup_at AS DATE), pickup_zone_id, pickup_zone_name, pickup_borough
