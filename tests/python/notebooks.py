"""Runs the notebooks over an archive, and compares what they say with what another engine says.

usage: notebooks.py NOTEBOOKS ARCHIVE [JOB]

Each notebook must run to its end, come without outputs, and leave a table `answer`. For a JOB other than etcd only those
run that are not about etcd's own metrics. Prints the number of rows of each answer by notebook, as JSON.
"""

import asyncio
import io
import json
import os
import re
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import duckdb
import nbformat
import pandas as pd
import polars as pl
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LIMIT_SECONDS = 300
COLOURS = r"\x1b\[[0-9;]*m"
SHOW = """
answer = answer.to_pandas() if hasattr(answer, "to_pandas") else answer
print(answer.to_json(orient="records", date_format="iso"))
"""


async def run(path):
    """The notebook's `answer` as a pandas data frame."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.outputs or cell.execution_count for cell in code):
        raise SystemExit(f"{path.name}: has outputs: strip them")
    notebook.cells.append(nbformat.v4.new_code_cell(SHOW))
    with tempfile.TemporaryDirectory() as folder:
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        client = NotebookClient(notebook, km=kernel, timeout=LIMIT_SECONDS, resources={"metadata": {"path": path.parent}})
        try:
            await client.async_execute()
        except CellExecutionError as error:
            raise SystemExit(f"{path.name}: {re.sub(COLOURS, '', str(error))}") from None
        finally:
            await kernel.shutdown_kernel(now=True)
    text = "".join(output.text for output in notebook.cells[-1].outputs if output.output_type == "stream")
    answer = pd.read_json(io.StringIO(text), orient="records")
    if answer.empty:
        raise SystemExit(f"{path.name}: no answer")
    return answer


async def run_all(paths):
    """Answers by notebook. All run at once."""
    return dict(zip((path.stem for path in paths), await asyncio.gather(*map(run, paths))))


def table(archive, name):
    return f"read_parquet('{archive}/{name}/*/*.parquet', hive_partitioning = true, union_by_name = true)"


def scan(archive, name):
    return pl.scan_parquet(f"{archive}/{name}/*/*.parquet", hive_partitioning=True)


def agree(what, ours, other, tolerance=1e-6):
    """Two tables of keys → a number are the same."""
    if not ours:
        raise SystemExit(f"{what}: nothing to compare")
    if ours.keys() != other.keys():
        raise SystemExit(f"{what}: other keys: {sorted(set(ours) ^ set(other), key=str)[:5]}")
    for key, value in ours.items():
        if abs(value - other[key]) > tolerance * max(abs(value), abs(other[key]), 1e-9):
            raise SystemExit(f"{what}: {key}: {value} here, {other[key]} there")


def by_hour(answer, column):
    """A column by instance and hour, in nanoseconds since 1970."""
    hours = pd.to_datetime(answer["hour"], utc=True).dt.as_unit("ns").astype("int64")
    return dict(zip(zip(answer["instance"], hours), answer[column]))


def check_fsync(archive, answers):
    """Number of fsyncs: by Polars, from the samples alone. p99: by ClickHouse, and never out of the histogram."""
    duck, click = answers["fsync_p99_by_hour"], answers["fsync_p99_on_clickhouse"]
    agree("fsync p99 by DuckDB and ClickHouse", by_hour(duck, "p99"), by_hour(click, "p99"))
    name = "etcd_disk_wal_fsync_duration_seconds_count"
    series = scan(archive, "metric_series").filter(pl.col("name") == name, pl.col("job") == "etcd")
    value, before = pl.col("value"), pl.col("value").shift().over("series_id")
    steps = (
        scan(archive, "metric_points").join(series.select("date", "series_id", "instance"), on=["date", "series_id"])
        .sort("series_id", "time")
        .with_columns(
            increase=pl.when(value >= before).then(value - before).when(before.is_not_null()).then(value),
            hour=pl.col("time").dt.truncate("1h"),
        )
        .group_by("instance", "hour").agg(pl.col("increase").sum()).filter(pl.col("increase") > 0).collect()
    )
    hours = steps["hour"].dt.timestamp("ns").to_list()
    counted = dict(zip(zip(steps["instance"].to_list(), hours), steps["increase"].to_list()))
    agree("fsyncs by DuckDB and Polars", by_hour(duck, "fsyncs"), counted)
    if not duck["p99"].between(0, 8.192).all():
        raise SystemExit("fsync p99 is out of the histogram")


def check_functions(archive, job, answer):
    """The shares of the last period, by DuckDB from the raw profiles as far as they are there."""
    if not (answer["self_now"].between(0, 1).all() and answer["total_now"].between(0, 1 + 1e-9).all()):
        raise SystemExit("a function has more than all CPU time")
    hour = timedelta(hours=1)
    first, last = duckdb.sql(f"""
        SELECT min(date_trunc('hour', time)), max(date_trunc('hour', time)) + INTERVAL 1 HOUR FROM {table(archive, 'profiles')}
        WHERE job = '{job}' AND kind = 'process_cpu' AND sample_type = 'cpu'""").fetchall()[0]
    since = last - min(timedelta(days=7), max((last - first) // hour // 2, 1) * hour)
    rows = duckdb.execute(f"""
        WITH wanted AS (
          SELECT date, profile_id, total FROM {table(archive, 'profiles')}
          WHERE job = '{job}' AND kind = 'process_cpu' AND sample_type = 'cpu' AND date_trunc('hour', time) >= $since)
        SELECT k.leaf, sum(x.value) / (SELECT sum(total) FROM wanted) AS share
        FROM wanted p JOIN {table(archive, 'profile_samples')} x USING (date, profile_id)
        JOIN {table(archive, 'stacks')} k USING (date, stack_id)
        GROUP BY ALL ORDER BY share DESC LIMIT 5""", {"since": since}).fetchall()
    known = dict(zip(answer["function"], answer["self_now"]))
    agree("CPU shares by Polars and DuckDB", {name: known.get(name, -1) for name, _ in rows}, dict(rows))


def check_heap(archive, job, answer):
    """The most that each function had in use on the mean of an hour, by DuckDB from the raw profiles."""
    rows = duckdb.sql(f"""
        WITH wanted AS (
          SELECT date, profile_id, instance, date_trunc('hour', time) AS hour FROM {table(archive, 'profiles')}
          WHERE job = '{job}' AND kind = 'memory' AND sample_type = 'inuse_space'),
        captures AS (SELECT instance, hour, count(*) AS n FROM wanted GROUP BY ALL),
        hours AS (
          SELECT p.instance, p.hour, k.leaf, sum(x.value) AS bytes
          FROM wanted p JOIN {table(archive, 'profile_samples')} x USING (date, profile_id)
          JOIN {table(archive, 'stacks')} k USING (date, stack_id) GROUP BY ALL)
        SELECT instance, leaf, max(bytes / n) FROM hours JOIN captures USING (instance, hour) GROUP BY ALL""").fetchall()
    ours = dict(zip(zip(answer["instance"], answer["function"]), answer["max"]))
    agree("heap by pandas and DuckDB", ours, {(instance, leaf): value for instance, leaf, value in rows})


def check_goroutines(archive, job, answer):
    """All goroutines of all creators are those of the plain count, by Polars."""
    totals = (
        scan(archive, "profiles").filter(pl.col("job") == job, pl.col("kind") == "goroutine_dump")
        .group_by("instance", hour=pl.col("time").dt.truncate("1h")).agg(pl.col("total").mean())
        .group_by("instance").agg(pl.col("total").mean()).collect()
    )
    agree("goroutines by DuckDB and Polars", answer.groupby("instance")["mean"].sum().to_dict(), dict(totals.iter_rows()))
    if answer["created_by"].nunique() < 3:
        raise SystemExit("goroutines of fewer than three creators")


def main():
    notebooks, archive = Path(sys.argv[1]), Path(sys.argv[2])
    job = sys.argv[3] if len(sys.argv) > 3 else "etcd"
    os.environ |= {"LEADSMAN_ARCHIVE": str(archive), "LEADSMAN_JOB": job}
    os.environ.setdefault("MPLBACKEND", "agg")
    duckdb.sql("SET TimeZone = 'UTC'")
    paths = [path for path in sorted(notebooks.glob("*.ipynb")) if job == "etcd" or not path.stem.startswith("fsync")]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}
        answers = asyncio.run(run_all(paths))
    if job == "etcd":
        check_fsync(archive, answers)
    check_functions(archive, job, answers["top_functions_week_against_week"])
    check_heap(archive, job, answers["heap_growth_by_function"])
    check_goroutines(archive, job, answers["goroutines_by_creator"])
    json.dump({name: len(answer) for name, answer in answers.items()}, sys.stdout)


if __name__ == "__main__":
    main()
