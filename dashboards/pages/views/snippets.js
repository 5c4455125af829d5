// Questions to a table of the archive in other tools' words. Pure.

/** Tools by the name in the address, and as people call them. */
export const TOOLS = [["duckdb", "DuckDB"], ["polars", "Polars"], ["pandas", "pandas"]];

/** The beginning of a question to a table in the folder `path`, by tool. */
export function snippetsFor(path, table) {
  const files = `${path}/${table}/*/*.parquet`;
  const folder = `${path}/${table}`;
  const isPoints = table === "metric_points";
  return {
    duckdb: isPoints ? pointsInDuckDb(path) : `SELECT *\nFROM read_parquet(${sql(files)}, hive_partitioning = true)\nORDER BY date DESC\nLIMIT 20;`,
    polars: isPoints ? pointsInPolars(path) : `import polars as pl\n\ntable = pl.scan_parquet(${python(files)}, hive_partitioning=True)\nprint(table.head(20).collect())`,
    pandas: `import pandas as pd\n\ntable = pd.read_parquet(${python(folder)})\nprint(table.head(20))`,
  };
}

function pointsInDuckDb(path) {
  const of = (table) => `read_parquet(${sql(`${path}/${table}/*/*.parquet`)}, hive_partitioning = true)`;
  return `SELECT s.job, s.instance, s.name, count(*) AS samples, avg(p.value) AS mean\nFROM ${of("metric_points")} p\nJOIN ${of("metric_series")} s USING (date, series_id)\nWHERE s.name = 'process_resident_memory_bytes'\nGROUP BY ALL\nORDER BY mean DESC;`;
}

function pointsInPolars(path) {
  const of = (table) => `pl.scan_parquet(${python(`${path}/${table}/*/*.parquet`)}, hive_partitioning=True)`;
  return `import polars as pl\n\npoints = ${of("metric_points")}\nseries = ${of("metric_series")}\nmemory = series.filter(pl.col("name") == "process_resident_memory_bytes")\nprint(\n    points.join(memory, on=["date", "series_id"])\n    .group_by("job", "instance")\n    .agg(pl.len(), pl.col("value").mean())\n    .collect()\n)`;
}

function sql(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

function python(text) {
  return JSON.stringify(text);
}
