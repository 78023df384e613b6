#!/usr/bin/env bash
# DuckDB and pyarrow: rows with NaN vanish when a Parquet file is filtered, as its statistics do not count them.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: a filter finds the same rows in a file as in a table read from it. In DuckDB NaN is greater than all numbers
# (its documentation, numeric types), so "x > 5" and max(x) find it; in pyarrow not(NaN < 5) and NaN != 2 are true.
# Seen: for a file of 1, 2, NaN, 3 written by pyarrow, whose row group has least 1 and greatest 3 as the format wants it,
# DuckDB finds no row with x > 5, none with isnan(x), and a greatest value of 3; in a table of the same rows, one row, one
# and NaN. pyarrow finds no row with not(x < 5) in the file, and one in the table; of 2, NaN, none with x != 2. polars
# finds NaN in both.
# Matters: "where loss > 1e3" over metrics of many runs misses those that ended in NaN.
#
#> duckdb 2.0.1 select count(*) from t where x > 5 in the file: 0 in the table: 1
#> duckdb 2.0.1 select count(*) from t where isnan(x) in the file: 0 in the table: 1
#> duckdb 2.0.1 select max(x) from t in the file: 3.0 in the table: nan
#> pyarrow 26.0.1 invert((x < 5)) rows in the file: 0 in the table: 1
#> pyarrow 26.0.1 (x != 2) rows in the file: 0 in the table: 1
#> polars 2.1.0 x > 5 rows in the file: 1 in the table: 1
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'duckdb==2.0.1' 'pyarrow==26.0.1' 'polars==2.1.0'
venv/bin/python - 2>&1 <<'PY' | tee seen
import duckdb, polars as pl, pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds, pyarrow.parquet as pq

nan, x = float("nan"), pc.field("x")
pq.write_table(pa.table({"x": [1.0, 2.0, nan, 3.0]}), "some.parquet")
pq.write_table(pa.table({"x": [2.0, nan]}), "equal.parquet")
con = duckdb.connect()
con.execute("create table rows as select * from 'some.parquet'")
for query in ("count(*) from {} where x > 5", "count(*) from {} where isnan(x)", "max(x) from {}"):
    in_file, in_table = (con.execute("select " + query.format(t)).fetchone()[0] for t in ("'some.parquet'", "rows"))
    print("duckdb", duckdb.__version__, "select", query.format("t"), "in the file:", in_file, "in the table:", in_table)
for file, filter in (("some.parquet", ~(x < 5)), ("equal.parquet", x != 2)):
    print("pyarrow", pa.__version__, filter, "rows in the file:", ds.dataset(file).to_table(filter=filter).num_rows,
          "in the table:", pq.read_table(file).filter(filter).num_rows)
above = pl.col.x > 5
print("polars", pl.__version__, "x > 5 rows in the file:", pl.scan_parquet("some.parquet").filter(above).collect().height,
      "in the table:", pl.read_parquet("some.parquet").filter(above).height)
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
