#!/usr/bin/env python3
"""Reads a leadsman archive as a notebook would, with DuckDB and with Polars, and says what is missing.

Every table that is there is read whole; points are joined with their series and samples with
their profiles and stacks, and nothing may be left over. What the arguments expect must be found.
Prints one JSON object: rows of each table, points of each expected metric, the top CPU stacks.
Exit code 1 with one line for each thing that is wrong, 2 for wrong arguments.
"""

import argparse
import contextlib
import json
import re
import sys
import tempfile
from pathlib import Path

import duckdb
import polars as pl

TABLES = {
    "metric_series": "series_id name kind unit help job instance labels created",
    "metric_points": "series_id time value",
    "metric_histograms": "series_id time schema zero_threshold zero_count count sum is_float is_gauge"
    " positive_spans positive_counts negative_spans negative_counts custom_bounds",
    "metric_exemplars": "series_id time value labels",
    "profiles": "profile_id capture_id series_id time time_nanos duration_nanos job instance labels scheme address"
    " kind type_idx sample_type sample_unit is_default_type period_type period_unit period is_delta total n_samples"
    " comments drop_frames keep_frames doc_url mappings",
    "profile_samples": "series_id profile_id stack_id value labels",
    "stacks": "stack_id leaf frames",
    "targets": "target_id time job instance labels scheme address version go_version started",
    "events": "time kind target_id job instance before after until message",
    "findings": "finding_id incident target_id time since state severity rule job instance labels scheme address signal"
    " signal_labels unit before now lower upper score title explanation cause remedy links captures",
    "spans": "service time trace_id span_id parent_span_id name kind time_nanos duration_nanos status status_message"
    " attributes resource scope scope_version trace_state events links",
}

# What must give no rows, and what it means when it does.
ORPHANS = {
    "points without a series": (
        "metric_points",
        "metric_series",
        "SELECT p.series_id FROM metric_points p ANTI JOIN metric_series s USING (date, series_id)",
    ),
    "series twice on a day": (
        "metric_series",
        "metric_series",
        "SELECT series_id FROM metric_series GROUP BY date, series_id HAVING count(*) > 1",
    ),
    "points twice": (
        "metric_points",
        "metric_points",
        "SELECT series_id FROM metric_points GROUP BY date, series_id, time HAVING count(*) > 1",
    ),
    "samples without a profile": (
        "profile_samples",
        "profiles",
        "SELECT x.profile_id FROM profile_samples x ANTI JOIN profiles p USING (date, profile_id)",
    ),
    "samples without a stack": (
        "profile_samples",
        "stacks",
        "SELECT x.stack_id FROM profile_samples x ANTI JOIN stacks k USING (date, stack_id)",
    ),
    "events of a target that is not there": (
        "events",
        "targets",
        "SELECT e.time FROM events e ANTI JOIN targets t USING (target_id) WHERE e.target_id IS NOT NULL",
    ),
    "soundings of a target that is not there": (
        "profiles",
        "targets",
        "SELECT p.job FROM profiles p ANTI JOIN targets t USING (job, instance)",
    ),
    "stacks twice on a day": (
        "stacks",
        "stacks",
        "SELECT stack_id FROM stacks GROUP BY date, stack_id HAVING count(*) > 1",
    ),
    "profiles whose total is not the sum of their samples": (
        "profiles",
        "profile_samples",
        """SELECT profile_id FROM profiles p
           LEFT JOIN (SELECT date, profile_id, sum(value) AS total, count(*) AS n
                      FROM profile_samples GROUP BY ALL) x USING (date, profile_id)
           WHERE p.total <> coalesce(x.total, 0) OR p.n_samples <> coalesce(x.n, 0)""",
    ),
    "rows in a folder of another date": (
        "metric_points",
        "metric_points",
        "SELECT time FROM metric_points WHERE (time AT TIME ZONE 'UTC')::DATE <> date",
    ),
}

TOP_STACKS = """
    SELECT k.leaf, [f.function FOR f IN k.frames][:8] AS functions,
           sum(x.value)::BIGINT AS value, any_value(p.sample_unit) AS unit
    FROM profiles p
    JOIN profile_samples x USING (date, profile_id)
    JOIN stacks k USING (date, stack_id)
    WHERE p.job = $job AND p.kind = $kind AND p.sample_type = $type
    GROUP BY ALL ORDER BY value DESC LIMIT 10
"""


class Archive:
    """The tables of an archive's folder, in both engines."""

    def __init__(self, folder):
        self.folder = folder
        self.problems = []
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        self.tables = [name for name in TABLES if any(folder.glob(f"{name}/date=*/*.parquet"))]
        for name in self.tables:
            self.db.execute(
                f"CREATE VIEW {name} AS FROM read_parquet('{self.glob(name)}',"
                " hive_partitioning = true, union_by_name = true)"
            )

    def glob(self, name):
        return f"{self.folder}/{name}/*/*.parquet"

    def polars(self, name):
        return pl.scan_parquet(self.glob(name), hive_partitioning=True)

    def expect(self, holds, problem):
        if not holds:
            self.problems.append(problem)

    def has(self, *names):
        return all(name in self.tables for name in names)

    def rows(self, sql, parameters=None):
        return self.db.execute(sql, parameters or {}).fetchall()


def check_tables(archive):
    """Reads every column of every table with both engines; they must see the same."""
    counts = {}
    for name in archive.tables:
        duck = archive.db.sql(f"FROM {name}").to_arrow_table()
        frame = archive.polars(name).collect()
        counts[name] = duck.num_rows
        archive.expect(duck.num_rows == frame.height, f"{name}: DuckDB reads {duck.num_rows} rows, Polars {frame.height}")
        for column in [*TABLES[name].split(), "date"]:
            archive.expect(column in duck.column_names, f"{name}: DuckDB has no column {column}")
            archive.expect(column in frame.columns, f"{name}: Polars has no column {column}")
    return counts


def check_joins(archive):
    for what, (left, right, sql) in ORPHANS.items():
        if archive.has(left, right):
            found = archive.rows(f"SELECT count(*) FROM ({sql})")[0][0]
            archive.expect(found == 0, f"{found} {what}")
        elif archive.has(left):
            archive.expect(False, f"{left} is there, {right} is not")


def check_metric(archive, metric, job):
    """Points of a metric, counted by each engine."""
    if not archive.has("metric_points", "metric_series"):
        archive.expect(False, f"no points of {metric}: there are no points at all")
        return 0
    duck = archive.rows(
        "SELECT count(*) FROM metric_points p JOIN metric_series s USING (date, series_id)"
        " WHERE s.name = $metric AND ($job IS NULL OR s.job = $job)",
        {"metric": metric, "job": job},
    )[0][0]
    series = archive.polars("metric_series").filter(pl.col("name") == metric)
    if job is not None:
        series = series.filter(pl.col("job") == job)
    joined = series.join(archive.polars("metric_points"), on=["date", "series_id"])
    polars = joined.select(pl.len()).collect().item()
    archive.expect(duck == polars, f"{metric}: DuckDB joins {duck} points, Polars {polars}")
    archive.expect(duck > 0, f"no points of {metric}" + (f" of job {job}" if job else ""))
    return duck


def check_profiles(archive, job, kind, sample_type):
    """The stacks of a job's profiles that have the highest values."""
    what = f"{kind} profile ({sample_type}) of job {job}"
    if not archive.has("profiles", "profile_samples", "stacks"):
        archive.expect(False, f"no {what}: there are no profiles at all")
        return []
    rows = archive.rows(TOP_STACKS, {"job": job, "kind": kind, "type": sample_type})
    archive.expect(rows, f"no {what} with a stack")
    archive.expect(not rows or any(leaf for leaf, *_ in rows), f"no {what} with a function's name")
    wanted = (pl.col("job") == job) & (pl.col("kind") == kind) & (pl.col("sample_type") == sample_type)
    total = (
        archive.polars("profiles")
        .filter(wanted)
        .join(archive.polars("profile_samples"), on=["date", "profile_id"])
        .join(archive.polars("stacks"), on=["date", "stack_id"])
        .select(pl.col("value").sum())
        .collect()
        .item()
    )
    archive.expect(not rows or total >= rows[0][2], f"{what}: Polars sums up {total}, less than the top stack")
    return [dict(zip(("leaf", "functions", "value", "unit"), row)) for row in rows]


def check_document(archive, document):
    """Runs every query of a document, as someone would who pasted it."""
    blocks = re.findall(r"```(sql|python)\n(.*?)```", document.read_text(), re.DOTALL)
    archive.expect(blocks, f"{document} has no queries")
    db = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("leadsman-data").mkdir()
        Path("leadsman-data/archive").symlink_to(archive.folder)
        for language, code in blocks:
            try:
                if language == "python":
                    exec(code, {})
                    continue
                # Nothing may have been found or traced yet; versions.py runs these.
                rare = [table for table in ("findings", "spans") if f"/{table}/" in code]
                if any(not (archive.folder / table).is_dir() for table in rare):
                    continue
                for statement in filter(str.strip, code.split(";")):
                    result = db.sql(statement)
                    _ = result and result.to_arrow_table()
            except Exception as error:
                archive.expect(False, f"{document}: {error} in:\n{code}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="the archive's folder: the one with metric_points/ in it")
    parser.add_argument("--metric", action="append", default=[], metavar="NAME[@JOB]", help="must have points")
    parser.add_argument("--profile-job", action="append", default=[], metavar="JOB", help="must have CPU stacks")
    parser.add_argument(
        "--profile", action="append", default=[], metavar="JOB/KIND/TYPE", help="must have stacks: etcd/memory/inuse_space"
    )
    parser.add_argument("--document", type=Path, metavar="FILE", help="Markdown whose queries must run: storage/SCHEMA.md")
    parser.add_argument("--table", action="append", default=[], choices=TABLES, help="must have rows")
    return parser.parse_args()


def main():
    args = arguments()
    if not args.archive.is_dir():
        sys.exit(f"check_archive: {args.archive} is not a folder")
    archive = Archive(args.archive.resolve())
    archive.expect(archive.tables, f"no tables in {args.archive}")
    report = {"rows": check_tables(archive), "metrics": {}, "stacks": {}}
    for table in args.table:
        archive.expect(report["rows"].get(table), f"no rows in {table}")
    check_joins(archive)
    for expected in args.metric:
        metric, _, job = expected.partition("@")
        report["metrics"][expected] = check_metric(archive, metric, job or None)
    for expected in [f"{job}/process_cpu/cpu" for job in args.profile_job] + args.profile:
        job, _, rest = expected.partition("/")
        kind, _, sample_type = rest.partition("/")
        report["stacks"][expected] = check_profiles(archive, job, kind, sample_type)
    if args.document:
        check_document(archive, args.document.resolve())
    json.dump(report, sys.stdout, indent=1)
    print()
    for problem in archive.problems:
        print(f"check_archive: {problem}", file=sys.stderr)
    sys.exit(1 if archive.problems else 0)


if __name__ == "__main__":
    try:
        main()
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        sys.exit(f"check_archive: cannot be read: {error}")
