"""Prints the archived points of one metric of one job as JSON: [[time in ms, value], ...], by time.

usage: points.py ARCHIVE METRIC JOB
"""

import json
import sys

import duckdb

archive, metric, job = sys.argv[1:]
duckdb.sql("SET TimeZone = 'UTC'")
misplaced = duckdb.sql(
    f"SELECT * FROM read_parquet('{archive}/metric_points/*/*.parquet') WHERE time::DATE <> date"
)
if misplaced.limit(1).fetchall():
    sys.exit(f"rows in the folder of another day:\n{misplaced}")
rows = duckdb.sql(
    f"""
    SELECT epoch_ms(p.time), p.value
    FROM read_parquet('{archive}/metric_points/*/*.parquet') p
    JOIN read_parquet('{archive}/metric_series/*/*.parquet') s USING (date, series_id)
    WHERE s.name = '{metric}' AND s.job = '{job}'
    ORDER BY p.time
    """
).fetchall()
json.dump(rows, sys.stdout)
