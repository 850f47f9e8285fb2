"""The dialect of SQLAlchemy that clickhouse-connect brings."""

import os
import urllib.parse

import sqlalchemy as sa

from told import refused, tell, unequal

CLIENT = "SQLAlchemy"


def engine(password=os.environ["STORE_PASSWORD"]):
    address = f"{os.environ['STORE_HOST']}:{os.environ['STORE_PORT']}"
    return sa.create_engine(f"clickhousedb://tidemark:{urllib.parse.quote(password, safe='')}@{address}/tidemark")


def execute(sql, **parameters):
    with engine().connect() as connection:
        return connection.execute(sa.text(sql), parameters)


def reflected():
    return sa.Table("alchemy", sa.MetaData(), autoload_with=engine())


def insert():
    execute("CREATE TABLE IF NOT EXISTS alchemy (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
    execute("TRUNCATE TABLE alchemy")
    table = reflected()
    with engine().connect() as connection:
        connection.execute(table.insert(), [{"id": number, "name": f"n{number}"} for number in range(100)])
        question = sa.select(sa.func.count(), sa.func.sum(table.c.id)).where(table.c.name.in_(["n7", "n8"]))
        return unequal([tuple(row) for row in connection.execute(question)], [(2, 15)])


def tables():
    inspector = sa.inspect(engine())
    names = [column["name"] for column in inspector.get_columns("alchemy")]
    return unequal(("alchemy" in inspector.get_table_names(), names), (True, ["id", "name"]))


tell(CLIENT, "connect", lambda: unequal([tuple(row) for row in execute("SELECT 1")], [(1,)]))
tell(CLIENT, "parameters", lambda: unequal([tuple(row) for row in execute("SELECT :x", x="it's")], [("it's",)]))
tell(CLIENT, "insert", insert)
tell(CLIENT, "tables", tables)
tell(CLIENT, "stream", lambda: unequal(sum(1 for _ in execute("SELECT number FROM numbers(1000000)")), 1_000_000))
tell(CLIENT, "error", lambda: refused(lambda: execute("SELECT * FROM nowhere"), "60", "UNKNOWN_TABLE"))
tell(CLIENT, "wrong password", lambda: refused(lambda: engine("no").connect(), "516"))
