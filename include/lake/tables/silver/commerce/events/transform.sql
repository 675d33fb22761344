-- One row per record of the stream and of dropped files; the contract's grain keeps the first arrival of each event. Times have
-- the shop's offset: the instant goes to UTC, the shop's own date and hour stay beside it.
WITH received AS (
  SELECT
    event_id, event_type, occurred_at, order_id, customer_id, product_id, location_id, channel, amount, currency,
    TRY_CAST(TRY_CAST(stream_arrived_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS arrived_at,
    stream_shard AS shard, stream_sequence AS sequence, stream_problem AS problem
  FROM bronze_commerce.stream_events
  UNION ALL
  SELECT
    event_id, event_type, occurred_at, order_id, customer_id, product_id, location_id, channel, amount, currency,
    _ingested_at AS arrived_at, 'file' AS shard, _source_url AS sequence, line_problem AS problem
  FROM bronze_commerce.events
),

typed AS (
  SELECT
    *,
    TRY_CAST(TRY_CAST(occurred_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS happened_at,
    CONCAT_WS(
      '|', event_type, occurred_at, CAST(order_id AS VARCHAR), CAST(customer_id AS VARCHAR), CAST(product_id AS VARCHAR),
      CAST(location_id AS VARCHAR), channel, amount, currency
    ) AS content
  FROM received
)

SELECT
  CAST(event_id AS VARCHAR) AS event_id,
  CAST(event_type AS VARCHAR) AS event_type,
  CAST(happened_at AS TIMESTAMP) AS occurred_at,
  TRY_CAST(SUBSTR(occurred_at, 1, 10) AS DATE) AS sales_date,
  TRY_CAST(SUBSTR(occurred_at, 12, 2) AS INT) AS sales_hour,
  CAST(order_id AS BIGINT) AS order_id,
  CAST(customer_id AS BIGINT) AS customer_id,
  CAST(product_id AS BIGINT) AS product_id,
  CAST(location_id AS BIGINT) AS location_id,
  CAST(channel AS VARCHAR) AS channel,
  TRY_CAST(amount AS DECIMAL(18, 2)) AS amount,
  CAST(currency AS VARCHAR) AS currency,
  CAST(arrived_at AS TIMESTAMP) AS arrived_at,
  CAST(shard AS VARCHAR) AS shard,
  CAST(sequence AS VARCHAR) AS sequence,
  CAST(
    COALESCE(
      content = FIRST_VALUE(content) OVER (
        PARTITION BY event_id, DATE_TRUNC('hour', happened_at) ORDER BY arrived_at, shard, sequence
      ), FALSE
    ) AS BOOLEAN
  ) AS first_content,
  CAST(problem AS VARCHAR) AS problem
FROM typed
