-- One row per record; the contract's grain keeps the first arrival of each event. Times in the stream have the shop's offset:
-- the instant goes to UTC, the shop's own date and hour stay beside it.
WITH typed AS (
  SELECT
    event_id, event_type, order_id, customer_id, location_id, channel, amount, currency, occurred_at,
    TRY_CAST(TRY_CAST(occurred_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS happened_at,
    TRY_CAST(TRY_CAST(stream_arrived_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS arrived_at,
    stream_shard, stream_sequence, stream_problem,
    CONCAT_WS(
      '|', event_type, occurred_at, CAST(order_id AS VARCHAR), CAST(customer_id AS VARCHAR), CAST(location_id AS VARCHAR),
      channel, amount, currency
    ) AS content
  FROM bronze_commerce.stream_events
)

SELECT
  CAST(event_id AS VARCHAR) AS event_id,
  CAST(event_type AS VARCHAR) AS event_type,
  CAST(happened_at AS TIMESTAMP) AS occurred_at,
  TRY_CAST(SUBSTR(occurred_at, 1, 10) AS DATE) AS sales_date,
  TRY_CAST(SUBSTR(occurred_at, 12, 2) AS INT) AS sales_hour,
  CAST(order_id AS BIGINT) AS order_id,
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(location_id AS BIGINT) AS location_id,
  CAST(channel AS VARCHAR) AS channel,
  TRY_CAST(amount AS DECIMAL(18, 2)) AS amount,
  CAST(currency AS VARCHAR) AS currency,
  CAST(arrived_at AS TIMESTAMP) AS arrived_at,
  CAST(stream_shard AS VARCHAR) AS shard,
  CAST(stream_sequence AS VARCHAR) AS sequence,
  CAST(
    COALESCE(content = FIRST_VALUE(content) OVER (PARTITION BY event_id ORDER BY arrived_at, stream_shard, stream_sequence), FALSE) AS BOOLEAN
  ) AS first_content,
  CAST(stream_problem AS VARCHAR) AS problem
FROM typed
