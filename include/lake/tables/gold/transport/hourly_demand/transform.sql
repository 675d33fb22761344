-- Trips by zone, day and hour.
SELECT
  CAST(pickup_at AS DATE) AS trip_date,
  CAST(EXTRACT(HOUR FROM pickup_at) AS INT) AS hour_of_day,
  CAST(pickup_zone_id AS INT) AS pickup_zone_id,
  CAST(pickup_zone_name AS VARCHAR) AS pickup_zone_name,
  CAST(pickup_borough AS VARCHAR) AS pickup_borough,
  CAST(COUNT(*) AS BIGINT) AS trip_count,
  CAST(SUM(passenger_count) AS BIGINT) AS passenger_count
FROM silver_transport.trips
WHERE pickup_at >= $partition_start AND pickup_at < $partition_end
GROUP BY
  CAST(pickup_at AS DATE), CAST(EXTRACT(HOUR FROM pickup_at) AS INT), pickup_zone_id, pickup_zone_name, pickup_borough
