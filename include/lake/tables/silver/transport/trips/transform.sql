-- One row per received trip: typed, with zones named. The contract's rules quarantine broken rows afterwards.
WITH trips AS (
  SELECT
    "VendorID", tpep_pickup_datetime, tpep_dropoff_datetime, passenger_count, trip_distance, "RatecodeID",
    store_and_fwd_flag, "PULocationID", "DOLocationID", payment_type, fare_amount, extra, mta_tax, tip_amount,
    tolls_amount, improvement_surcharge, total_amount, congestion_surcharge, airport_fee, cbd_congestion_fee,
    _ingested_at
  FROM bronze_transport.yellow_trips
),

zones AS (
  SELECT zone_id, borough, zone_name
  FROM reference_transport.zones
)

SELECT
  TRY_CAST(trips."VendorID" AS INT) AS vendor_id,
  CAST(trips.tpep_pickup_datetime AS TIMESTAMP) AS pickup_at,
  CAST(trips.tpep_dropoff_datetime AS TIMESTAMP) AS dropoff_at,
  TRY_CAST(
    (epoch(trips.tpep_dropoff_datetime) - epoch(trips.tpep_pickup_datetime)) / 60 AS DECIMAL(10, 2)
  ) AS trip_duration_minutes,
  TRY_CAST(trips.passenger_count AS INT) AS passenger_count,
  TRY_CAST(trips.trip_distance AS DECIMAL(12, 2)) AS trip_distance_miles,
  TRY_CAST(trips."RatecodeID" AS INT) AS rate_code_id,
  CAST(trips.store_and_fwd_flag = 'Y' AS BOOLEAN) AS is_stored_and_forwarded,
  TRY_CAST(trips."PULocationID" AS INT) AS pickup_zone_id,
  CAST(pickup.zone_name AS VARCHAR) AS pickup_zone_name,
  CAST(pickup.borough AS VARCHAR) AS pickup_borough,
  TRY_CAST(trips."DOLocationID" AS INT) AS dropoff_zone_id,
  CAST(dropoff.zone_name AS VARCHAR) AS dropoff_zone_name,
  CAST(dropoff.borough AS VARCHAR) AS dropoff_borough,
  TRY_CAST(trips.payment_type AS INT) AS payment_type_id,
  TRY_CAST(trips.fare_amount AS DECIMAL(12, 2)) AS fare_amount_usd,
  TRY_CAST(trips.extra AS DECIMAL(12, 2)) AS extra_usd,
  TRY_CAST(trips.mta_tax AS DECIMAL(12, 2)) AS mta_tax_usd,
  TRY_CAST(trips.tip_amount AS DECIMAL(12, 2)) AS tip_amount_usd,
  TRY_CAST(trips.tolls_amount AS DECIMAL(12, 2)) AS tolls_amount_usd,
  TRY_CAST(trips.improvement_surcharge AS DECIMAL(12, 2)) AS improvement_surcharge_usd,
  TRY_CAST(trips.congestion_surcharge AS DECIMAL(12, 2)) AS congestion_surcharge_usd,
  TRY_CAST(trips.airport_fee AS DECIMAL(12, 2)) AS airport_fee_usd,
  TRY_CAST(trips.cbd_congestion_fee AS DECIMAL(12, 2)) AS cbd_congestion_fee_usd,
  TRY_CAST(trips.total_amount AS DECIMAL(12, 2)) AS total_amount_usd,
  CAST(trips._ingested_at AS TIMESTAMP) AS _ingested_at
FROM trips
LEFT JOIN zones AS pickup ON trips."PULocationID" = pickup.zone_id
LEFT JOIN zones AS dropoff ON trips."DOLocationID" = dropoff.zone_id
