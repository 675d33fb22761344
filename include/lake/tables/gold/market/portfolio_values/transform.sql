-- Each holding at its last bar up to the session, and at the bar before. A quantity counts shares of the day it was declared: the splits
-- between that day and the bar multiply it, so a price and its quantity always belong to one side of a split.
WITH sessions AS (
  SELECT DISTINCT session_date
  FROM silver_market.daily_bars
  WHERE asset_class = 'equity' AND CAST(session_date AS TIMESTAMP) >= $partition_start AND CAST(session_date AS TIMESTAMP) < $partition_end
),

holdings AS (
  SELECT held.portfolio, held.symbol, held.quantity, held.valid_from_date, sessions.session_date
  FROM reference_market.portfolio_holdings AS held
  INNER JOIN sessions
    ON held.valid_from_date <= sessions.session_date
    AND (held.valid_to_date IS NULL OR held.valid_to_date >= sessions.session_date)
),

priced AS (
  SELECT
    holdings.portfolio, holdings.symbol, holdings.session_date, holdings.quantity, holdings.valid_from_date,
    found.session_date AS bar_date, found.close_usd, COALESCE(found.dividend_usd, 0) AS dividend_usd,
    ROW_NUMBER() OVER (
      PARTITION BY holdings.portfolio, holdings.symbol, holdings.session_date, holdings.valid_from_date
      ORDER BY found.session_date DESC
    ) AS place
  FROM holdings
  LEFT JOIN silver_market.daily_bars AS found
    ON holdings.symbol = found.symbol
    AND found.session_date <= holdings.session_date
    AND CAST(found.session_date AS TIMESTAMP) > CAST(holdings.session_date AS TIMESTAMP) - INTERVAL '10' DAY
),

known AS (
  SELECT symbol, MIN(ex_date) AS since_date
  FROM silver_market.corporate_actions
  WHERE action_type = 'known_since'
  GROUP BY symbol
),

splits AS (
  SELECT
    priced.portfolio, priced.symbol, priced.session_date, priced.valid_from_date, priced.place,
    EXP(SUM(LN(CAST(actions.split_factor AS DOUBLE)))) AS shares
  FROM priced
  INNER JOIN silver_market.corporate_actions AS actions
    ON priced.symbol = actions.symbol
    AND actions.action_type = 'split'
    AND actions.ex_date > priced.valid_from_date
    AND actions.ex_date <= priced.bar_date
  WHERE priced.place <= 2
  GROUP BY priced.portfolio, priced.symbol, priced.session_date, priced.valid_from_date, priced.place
),

valued AS (
  SELECT
    priced.portfolio, priced.symbol, priced.session_date, priced.valid_from_date, priced.place, priced.bar_date,
    CAST(CAST(priced.quantity AS DOUBLE) * COALESCE(splits.shares, 1) * CAST(priced.close_usd AS DOUBLE) AS DECIMAL(20, 4)) AS value_usd,
    CAST(CAST(priced.quantity AS DOUBLE) * COALESCE(splits.shares, 1) * CAST(priced.dividend_usd AS DOUBLE) AS DECIMAL(20, 4)) AS dividend_usd
  FROM priced
  LEFT JOIN splits
    ON priced.portfolio = splits.portfolio
    AND priced.symbol = splits.symbol
    AND priced.session_date = splits.session_date
    AND priced.valid_from_date = splits.valid_from_date
    AND priced.place = splits.place
  WHERE priced.place <= 2
),

bars AS (
  SELECT
    portfolio, symbol, session_date, valid_from_date,
    MAX(CASE WHEN place = 1 THEN value_usd END) AS value_usd,
    MAX(CASE WHEN place = 2 THEN value_usd END) AS older_value_usd,
    MAX(CASE WHEN place = 1 AND bar_date = session_date THEN dividend_usd ELSE 0 END) AS dividend_usd,
    MAX(CASE WHEN place = 1 AND bar_date < session_date THEN 1 ELSE 0 END) AS is_stale
  FROM valued
  GROUP BY portfolio, symbol, session_date, valid_from_date
),

positions AS (
  -- A holding without a bar on the session has not moved since the one it is valued at.
  SELECT
    bars.portfolio, bars.session_date, bars.value_usd, bars.dividend_usd, bars.is_stale,
    CASE WHEN bars.is_stale = 1 THEN bars.value_usd ELSE bars.older_value_usd END AS previous_value_usd,
    CASE WHEN known.since_date <= bars.valid_from_date THEN 0 ELSE 1 END AS is_unknown
  FROM bars
  LEFT JOIN known ON bars.symbol = known.symbol
)

SELECT
  CAST(portfolio AS VARCHAR) AS portfolio,
  CAST(session_date AS DATE) AS session_date,
  CAST(COALESCE(SUM(value_usd), 0) AS DECIMAL(20, 2)) AS value_usd,
  CAST(CASE WHEN COUNT(previous_value_usd) = COUNT(*) THEN SUM(previous_value_usd) END AS DECIMAL(20, 2)) AS previous_value_usd,
  CAST(SUM(dividend_usd) AS DECIMAL(20, 2)) AS dividends_usd,
  CAST(
    ROUND(
      CASE
        WHEN COUNT(previous_value_usd) = COUNT(*)
          THEN CAST(SUM(value_usd) + SUM(dividend_usd) AS DOUBLE) / NULLIF(CAST(SUM(previous_value_usd) AS DOUBLE), 0) - 1
      END, 12
    ) AS DOUBLE
  ) AS daily_return,
  CAST(COUNT(*) AS INT) AS holding_count,
  CAST(COUNT(value_usd) AS INT) AS priced_count,
  CAST(SUM(is_stale) AS INT) AS stale_price_count,
  CAST(SUM(is_unknown) AS INT) AS unknown_split_count
FROM positions
GROUP BY portfolio, session_date
