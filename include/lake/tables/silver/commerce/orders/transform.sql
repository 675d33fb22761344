-- One row per received version of an order; the contract's grain keeps the newest good one.
-- The shop writes times in its own zone with an offset: the instant goes to UTC, the date the shop saw stays beside it.
WITH payments AS (
  -- the same version may have arrived twice: a payment counts once
  SELECT DISTINCT
    received.id AS order_id, received.updated_at AS version_at, payment.item.id AS payment_id,
    TRY_CAST(payment.item.amount AS DECIMAL(18, 2)) AS amount
  FROM bronze_commerce.orders AS received
  CROSS JOIN UNNEST(received.refunds) AS refund(item)
  CROSS JOIN UNNEST(refund.item.transactions) AS payment(item)
  WHERE payment.item.kind = 'refund' AND payment.item.status = 'success'
),

refunded AS (
  SELECT order_id, version_at, SUM(amount) AS amount
  FROM payments
  GROUP BY order_id, version_at
)

SELECT
  CAST(received.id AS BIGINT) AS order_id,
  CAST(received.name AS VARCHAR) AS order_name,
  TRY_CAST(SUBSTR(received.created_at, 1, 10) AS DATE) AS order_date,
  TRY_CAST(TRY_CAST(received.created_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS created_at,
  TRY_CAST(TRY_CAST(received.updated_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS updated_at,
  TRY_CAST(TRY_CAST(received.closed_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS closed_at,
  TRY_CAST(TRY_CAST(received.cancelled_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP) AS cancelled_at,
  CAST(received.cancel_reason AS VARCHAR) AS cancel_reason,
  CAST(received.cancelled_at IS NOT NULL AS BOOLEAN) AS is_cancelled,
  CAST(COALESCE(received.test, FALSE) AS BOOLEAN) AS is_test,
  CAST(received.financial_status AS VARCHAR) AS financial_status,
  CAST(received.fulfillment_status AS VARCHAR) AS fulfillment_status,
  CAST(received.source_name AS VARCHAR) AS source_name,
  CAST(received.location_id AS BIGINT) AS location_id,
  CAST(received.customer.id AS BIGINT) AS customer_id,
  CAST(NULLIF(LOWER(TRIM(received.email)), '') AS VARCHAR) AS email_hash,
  CAST(received.shipping_address.country_code AS VARCHAR) AS ship_to_country,
  CAST(received.shipping_address.province_code AS VARCHAR) AS ship_to_province,
  CAST(received.currency AS VARCHAR) AS currency,
  TRY_CAST(received.total_line_items_price AS DECIMAL(18, 2)) AS gross_amount,
  TRY_CAST(received.total_discounts AS DECIMAL(18, 2)) AS discount_amount,
  TRY_CAST(received.total_tax AS DECIMAL(18, 2)) AS tax_amount,
  TRY_CAST(received.total_price AS DECIMAL(18, 2)) AS total_amount,
  CAST(COALESCE(refunded.amount, 0) AS DECIMAL(18, 2)) AS refunded_amount,
  CAST(
    received.line_items AS STRUCT(
      id BIGINT, product_id BIGINT, variant_id BIGINT, sku VARCHAR, title VARCHAR, quantity BIGINT, price VARCHAR,
      total_discount VARCHAR, vendor VARCHAR
    )[]
  ) AS line_items,
  CAST(received._ingested_at AS TIMESTAMP) AS _ingested_at
FROM bronze_commerce.orders AS received
LEFT JOIN refunded ON received.id = refunded.order_id AND received.updated_at = refunded.version_at
