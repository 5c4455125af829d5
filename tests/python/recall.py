#!/usr/bin/env python3
"""Asks DuckDB what `storage/benches/recall.rs` asks leadsman, of the same files.

Prints one JSON object: for each question the median of a few runs in milliseconds, and the number
of points in the answer.
"""

import argparse
import json
import os
import statistics
import sys
import time
from datetime import datetime, timedelta, timezone

import duckdb

START = datetime(2025, 11, 21, tzinfo=timezone.utc)
N_RUNS = 5

WINDOWS = """
    SELECT instance, time, count, first, last, min, max, sum, p50, p90, p99, increase, resets
    FROM read_parquet('{folder}/metric_rollups_1h/*/*.parquet', hive_partitioning = true)
    WHERE name = 'metric_0042' AND date >= $from AND date < $to {more}
    ORDER BY instance, time
"""

# One row for each stack, with both sample types and its frames.
PROFILES = """
    SELECT x.stack_id, any_value(k.frames),
           sum(x.value) FILTER (p.sample_type = 'samples'), sum(x.value) FILTER (p.sample_type = 'cpu')
    FROM read_parquet('{folder}/profiles/*/*.parquet', hive_partitioning = true) p
    JOIN read_parquet('{folder}/profile_samples/*/*.parquet', hive_partitioning = true) x
      USING (date, profile_id)
    JOIN read_parquet('{folder}/stacks/*/*.parquet', hive_partitioning = true) k USING (date, stack_id)
    WHERE p.instance = '127.0.0.1:10000' AND p.kind = 'process_cpu' AND p.date = $day
    GROUP BY x.stack_id
"""


def questions(folder, n_days):
    end = START + timedelta(days=n_days)
    month = {"from": max(START, end - timedelta(days=30)).date(), "to": end.date()}
    year = {"from": START.date(), "to": end.date()}
    one = "AND instance = '127.0.0.1:10042'"
    return {
        "month": (WINDOWS.format(folder=folder, more=one), month),
        "year": (WINDOWS.format(folder=folder, more=""), year),
        "profiles": (PROFILES.format(folder=folder), {"day": START.date()}),
    }


def ask(db, sql, parameters):
    times = []
    for _ in range(N_RUNS):
        started = time.perf_counter()
        table = db.execute(sql, parameters).to_arrow_table()
        times.append((time.perf_counter() - started) * 1000)
    return {"milliseconds": statistics.median(times), "points": table.num_rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--days", type=int, default=365)
    args = parser.parse_args()
    db = duckdb.connect()
    db.execute(f"SET threads = {os.cpu_count()}; SET TimeZone = 'UTC'")
    answers = {name: ask(db, *question) for name, question in questions(args.folder, args.days).items()}
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
