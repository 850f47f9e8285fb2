"""dbt-clickhouse: a project of a table, a view and an incremental model."""

import json
import os
import pathlib
import tempfile

import clickhouse_connect
from dbt.cli.main import dbtRunner

from told import tell, unequal

CLIENT = "dbt-clickhouse"
PROJECT = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-dbt-"))
MODELS = {
    "dbt_table.sql": "{{ config(materialized='table') }} SELECT number AS n FROM numbers(10)",
    "dbt_view.sql": "{{ config(materialized='view') }} SELECT sum(n) AS s FROM {{ ref('dbt_table') }}",
    "dbt_added.sql": "{{ config(materialized='incremental', incremental_strategy='append') }} SELECT 1 AS n",
}


def write(password):
    (PROJECT / "models").mkdir(exist_ok=True)
    (PROJECT / "dbt_project.yml").write_text(json.dumps({"name": "tried", "version": "1.0", "profile": "tried"}))
    output = {
        "type": "clickhouse", "driver": "http", "host": os.environ["STORE_HOST"], "port": int(os.environ["STORE_PORT"]),
        "user": "tidemark", "password": password, "schema": "tidemark", "threads": 1,
    }
    (PROJECT / "profiles.yml").write_text(json.dumps({"tried": {"target": "dev", "outputs": {"dev": output}}}))
    for name, model in MODELS.items():
        (PROJECT / "models" / name).write_text(model)


def dbt(*words):
    """What its nodes answered; what failed before there was one is the error of the whole."""
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    result = dbtRunner().invoke(["--quiet", "--no-send-anonymous-usage-stats", *words, *places])
    nodes = [f"{node.node.name} {node.status} {node.message}" for node in getattr(result.result, "results", [])]
    return result.success, " ".join([*nodes, str(result.exception or "")])


def store():
    address = {"host": os.environ["STORE_HOST"], "port": int(os.environ["STORE_PORT"])}
    return clickhouse_connect.get_client(**address, username="tidemark", password=os.environ["STORE_PASSWORD"])


def insert():
    write(os.environ["STORE_PASSWORD"])
    for _ in range(2):
        success, said = dbt("run")
        if not success:
            return said
    rows = store().query("SELECT (SELECT s FROM dbt_view), (SELECT count() FROM dbt_added)").result_rows
    return unequal(rows, [(45, 2)])


def connect():
    write(os.environ["STORE_PASSWORD"])
    success, said = dbt("debug")
    return None if success else said


def error():
    write(os.environ["STORE_PASSWORD"])
    (PROJECT / "models" / "dbt_wrong.sql").write_text("SELECT * FROM nowhere")
    success, said = dbt("run", "--select", "dbt_wrong")
    (PROJECT / "models" / "dbt_wrong.sql").unlink()
    return None if not success and "UNKNOWN_TABLE" in said else said


def wrong_password():
    write("no")
    success, said = dbt("run")
    return None if not success and "516" in said else said


# Whatever it starts beside itself reads this file again.
if __name__ == "__main__":
    tell(CLIENT, "connect", connect)
    tell(CLIENT, "insert", insert)
    tell(CLIENT, "error", error)
    tell(CLIENT, "wrong password", wrong_password)
