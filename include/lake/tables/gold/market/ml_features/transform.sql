-- Only rows up to the session enter a feature: nothing of the future leaks in.
WITH recent AS (
  SELECT
    symbol, session_date, asset_class, close_usd, total_return, volatility_20_annual,
    SUM(log_return) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS log_5,
    COUNT(log_return) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 4 PRECEDING AND CURRENT ROW) AS count_5,
    SUM(log_return) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS log_20,
    COUNT(log_return) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW) AS count_20,
    CAST(traded_usd AS DOUBLE) / NULLIF(
      AVG(CAST(traded_usd AS DOUBLE)) OVER (PARTITION BY symbol ORDER BY session_date ROWS BETWEEN 19 PRECEDING AND CURRENT ROW), 0
    ) AS traded_ratio
  FROM gold_market.daily_returns
),

joined AS (
  SELECT
    recent.symbol, recent.session_date, recent.asset_class, recent.total_return AS return_1,
    CASE WHEN recent.count_5 = 5 THEN EXP(recent.log_5) - 1 END AS return_5,
    CASE WHEN recent.count_20 = 20 THEN EXP(recent.log_20) - 1 END AS return_20,
    recent.volatility_20_annual,
    CASE WHEN recent.count_20 = 20 THEN recent.traded_ratio END AS traded_ratio_20,
    CAST(recent.close_usd AS DOUBLE) / indicators.sma_20 - 1 AS close_to_sma_20,
    CAST(recent.close_usd AS DOUBLE) / indicators.sma_50 - 1 AS close_to_sma_50,
    (CAST(recent.close_usd AS DOUBLE) - indicators.bollinger_lower)
    / NULLIF(indicators.bollinger_upper - indicators.bollinger_lower, 0) AS bollinger_position,
    indicators.macd_histogram / CAST(recent.close_usd AS DOUBLE) AS macd_histogram_to_close,
    indicators.rsi_14
  FROM recent
  INNER JOIN gold_market.technical_indicators AS indicators
    ON recent.symbol = indicators.symbol AND recent.session_date = indicators.session_date
  WHERE CAST(recent.session_date AS TIMESTAMP) >= $partition_start AND CAST(recent.session_date AS TIMESTAMP) < $partition_end
)

SELECT
  CAST(symbol AS VARCHAR) AS symbol,
  CAST(session_date AS DATE) AS session_date,
  CAST(asset_class AS VARCHAR) AS asset_class,
  CAST(ROUND(return_1, 12) AS DOUBLE) AS return_1,
  CAST(ROUND(return_5, 12) AS DOUBLE) AS return_5,
  CAST(ROUND(return_20, 12) AS DOUBLE) AS return_20,
  CAST(volatility_20_annual AS DOUBLE) AS volatility_20_annual,
  CAST(ROUND(traded_ratio_20, 12) AS DOUBLE) AS traded_ratio_20,
  CAST(ROUND(close_to_sma_20, 12) AS DOUBLE) AS close_to_sma_20,
  CAST(ROUND(close_to_sma_50, 12) AS DOUBLE) AS close_to_sma_50,
  CAST(ROUND(bollinger_position, 12) AS DOUBLE) AS bollinger_position,
  CAST(ROUND(macd_histogram_to_close, 12) AS DOUBLE) AS macd_histogram_to_close,
  CAST(rsi_14 AS DOUBLE) AS rsi_14,
  CAST(
    return_1 + return_5 + return_20 + volatility_20_annual + traded_ratio_20 + close_to_sma_20 + close_to_sma_50 + bollinger_position
    + macd_histogram_to_close + rsi_14 IS NOT NULL AS BOOLEAN
  ) AS is_complete
FROM joined
