#!/usr/bin/env python3
"""What DuckDB finds in an archive, for comparing with what leadsman finds.

Prints one JSON object: `points` as [method, instance, time in ms, value], `hours` as [method, instance,
start in ms, count, first, last], `functions` as {name: [self, total]} of CPU nanoseconds.
"""

import json
import sys

import duckdb

SERIES = """
    SELECT s.labels['method'], s.instance, epoch_ms(p.time) AS time, p.value
    FROM metric_points p JOIN metric_series s USING (date, series_id)
    WHERE s.name = 'requests_total' AND s.job = 'etcd' AND s.labels['method'] ~ '^(?:get|p.*)$'
"""

HOURS = f"""
    SELECT method, instance, time // 3600000 * 3600000 AS start, count(*), arg_min(value, time), arg_max(value, time)
    FROM ({SERIES}) AS series(method, instance, time, value)
    GROUP BY ALL ORDER BY ALL
"""

SAMPLES = """
    SELECT x.value, [f.function FOR f IN k.frames] AS functions
    FROM profiles p
    JOIN profile_samples x USING (date, profile_id)
    JOIN stacks k USING (date, stack_id)
    WHERE p.kind = 'process_cpu' AND p.sample_type = 'cpu'
"""

FUNCTIONS = f"""
    SELECT function, sum(own)::BIGINT, sum(total)::BIGINT FROM (
        SELECT functions[1] AS function, value AS own, 0 AS total FROM ({SAMPLES})
        UNION ALL
        SELECT unnest(list_distinct(functions)), 0, value FROM ({SAMPLES}))
    GROUP BY function
"""


def main(folder):
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for table in ("metric_series", "metric_points", "profiles", "profile_samples", "stacks"):
        db.execute(
            f"CREATE VIEW {table} AS FROM read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning = true)"
        )
    functions = {name: values for name, *values in db.execute(FUNCTIONS).fetchall()}
    answers = {
        "points": db.execute(SERIES + " ORDER BY ALL").fetchall(),
        "hours": db.execute(HOURS).fetchall(),
        "functions": functions,
    }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
