"""Prints every value in an archive as text, one row a line, with its table before it.

usage: values.py ARCHIVE
"""

import sys
from pathlib import Path

import duckdb

for table in sorted(Path(sys.argv[1]).iterdir()):
    if any(table.glob("date=*/*.parquet")):
        for row in duckdb.sql(f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet('{table}/*/*.parquet')").fetchall():
            print(table.name, row)
