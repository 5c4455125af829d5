"""Prints the archived spans of a service as JSON, in the order in which they began.

usage: spans.py ARCHIVE SERVICE

Each is an object of trace_id, span_id, parent_span_id, name, kind, status, duration_nanos, attributes and scope.
"""

import json
import sys

import duckdb

archive, service = sys.argv[1:]
duckdb.sql("SET TimeZone = 'UTC'")
duckdb.sql(f"CREATE VIEW spans AS FROM read_parquet('{archive}/spans/*/*.parquet', hive_partitioning = true)")
wrong = duckdb.sql("FROM spans WHERE time::DATE <> date OR epoch_us(time) <> time_nanos // 1000")
if wrong.limit(1).fetchall():
    sys.exit(f"rows in the folder of another day, or with another time than their nanoseconds:\n{wrong}")
columns = ["trace_id", "span_id", "parent_span_id", "name", "kind", "status", "duration_nanos", "attributes", "scope"]
rows = duckdb.execute(
    f"SELECT {', '.join(columns)} FROM spans WHERE service = ? ORDER BY time_nanos, span_id", [service]
).fetchall()
json.dump([dict(zip(columns, row)) for row in rows], sys.stdout)
