-- The lookup file typed; "N/A" stays the value it is in the source.
SELECT
  CAST(landing."LocationID" AS INT) AS zone_id,
  CAST(landing."Borough" AS VARCHAR) AS borough,
  CAST(landing."Zone" AS VARCHAR) AS zone_name,
  CAST(landing."service_zone" AS VARCHAR) AS service_zone
FROM landing
