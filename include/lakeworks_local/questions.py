"""What the demo asks the lake, one question or more a domain."""

QUESTIONS = {
    "Taxi: which pick-up zones earned most?": """
        SELECT pickup_zone_name AS zone, pickup_borough AS borough, sum(trip_count) AS trips, sum(total_fare_usd) AS fares_usd
        FROM gold_transport.zone_daily_summary GROUP BY 1, 2 ORDER BY 4 DESC, 1 LIMIT 5""",
    "Taxi: how did the months compare?": """
        SELECT strftime(trip_date, '%Y-%m') AS month, round(sum(total_fare_usd) / sum(trip_count), 2) AS mean_fare_usd,
               round(sum(avg_distance_miles * trip_count) / sum(trip_count), 2) AS mean_miles
        FROM gold_transport.zone_daily_summary GROUP BY 1 ORDER BY 1""",
    "Market: what did the sessions bring, and what was the portfolio worth?": """
        SELECT CAST(s.session_date AS VARCHAR) AS session, s.best_symbol AS best, s.worst_symbol AS worst,
               round(s.mean_total_return * 100, 2) AS mean_return_percent, p.value_usd AS tech_growth_usd
        FROM gold_market.market_daily_summary AS s
        JOIN gold_market.portfolio_values AS p ON p.session_date = s.session_date
        WHERE p.portfolio = 'tech_growth' ORDER BY 1 DESC LIMIT 5""",
    "Commerce: what did the shop sell?": """
        SELECT CAST(order_date AS VARCHAR) AS day, order_count AS orders, total_quantity AS pieces, net_amount AS net_usd,
               refunded_amount AS refunded_usd
        FROM gold_commerce.daily_sales ORDER BY 1 DESC LIMIT 5""",
}
