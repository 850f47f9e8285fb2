"""ibis with its backend for ClickHouse; its tables in memory travel as external data."""

import os

import ibis

from told import refused, tell, unequal

CLIENT = "ibis"


def connect(user="tidemark", password=os.environ["STORE_PASSWORD"]):
    address = {"host": os.environ["STORE_HOST"], "port": int(os.environ["STORE_PORT"])}
    return ibis.clickhouse.connect(**address, user=user, password=password, database="tidemark")


def insert():
    store = connect()
    store.create_table("ibis_rows", ibis.memtable({"a": [1, 2, 3], "t": ["x", "y", "y"]}), overwrite=True)
    store.insert("ibis_rows", ibis.memtable({"a": [4], "t": ["x"]}))
    grouped = store.table("ibis_rows").group_by("t").agg(s=ibis._.a.sum()).order_by("t")
    return unequal(grouped.execute().to_dict("records"), [{"t": "x", "s": 5}, {"t": "y", "s": 5}])


def external():
    store = connect()
    joined = ibis.memtable({"t": ["x"], "k": [7]}).join(store.table("ibis_rows"), "t").select("k", "a").order_by("a")
    return unequal(store.execute(joined).to_dict("records"), [{"k": 7, "a": 1}, {"k": 7, "a": 4}])


def stream():
    batches = connect().sql("SELECT number FROM numbers(1000000)").to_pyarrow_batches()
    return unequal(sum(batch.num_rows for batch in batches), 1_000_000)


tell(CLIENT, "connect", lambda: unequal("seeded" in connect("default", "").list_tables(), True))
tell(CLIENT, "insert", insert)
tell(CLIENT, "tables", lambda: unequal("seeded" in connect().list_tables(), True))
tell(CLIENT, "external data", external)
tell(CLIENT, "stream", stream)
tell(CLIENT, "error", lambda: refused(lambda: connect().table("nowhere"), "nowhere"))
tell(CLIENT, "wrong password", lambda: refused(lambda: connect(password="no"), "516"))
