"""Prints the archived samples of one job as JSON: [[labels, time in ms, value as text], ...].

usage: samples.py ARCHIVE JOB
"""

import json
import sys

import duckdb

archive, job = sys.argv[1:]
rows = duckdb.sql(
    f"""
    SELECT s.labels, epoch_ms(p.time), p.value
    FROM read_parquet('{archive}/metric_points/*/*.parquet') p
    JOIN read_parquet('{archive}/metric_series/*/*.parquet') s USING (date, series_id)
    WHERE s.job = '{job}'
    """
).fetchall()
# JSON has no NaN and no infinity.
json.dump([[labels, time, repr(value)] for labels, time, value in rows], sys.stdout)
