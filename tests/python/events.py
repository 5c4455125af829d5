"""Prints the rows of `events` as JSON, by time: [[time in ms, kind, job, before, after, until in ms, message], ...].

usage: events.py ARCHIVE
"""

import json
import sys

import duckdb

[archive] = sys.argv[1:]
duckdb.sql("SET TimeZone = 'UTC'")
source = f"read_parquet('{archive}/events/*/*.parquet', hive_partitioning = true, union_by_name = true)"
misplaced = duckdb.sql(f"SELECT * FROM {source} WHERE time::DATE <> date")
if misplaced.limit(1).fetchall():
    sys.exit(f"rows in the folder of another day:\n{misplaced}")
rows = duckdb.sql(
    f"""
    SELECT epoch_ms(time), kind, job, before, after, epoch_ms(until), message
    FROM {source} ORDER BY time, kind
    """
).fetchall()
json.dump(rows, sys.stdout)
