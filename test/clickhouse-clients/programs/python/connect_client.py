"""clickhouse-connect with its defaults, and its compressions."""

import datetime
import decimal
import ipaddress
import logging
import os
import threading
import time
import uuid

import clickhouse_connect
from clickhouse_connect.driver.external import ExternalData

from told import refused, tell, unequal

logging.disable(logging.CRITICAL)
CLIENT = "clickhouse-connect"
HOST, PORT, PASSWORD = os.environ["STORE_HOST"], int(os.environ["STORE_PORT"]), os.environ["STORE_PASSWORD"]


def client(user="tidemark", password=PASSWORD, **options):
    return clickhouse_connect.get_client(host=HOST, port=PORT, username=user, password=password, **options)


def types():
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    rows = client().query(
        "SELECT toUInt8(1), toInt64(-5), toInt256(7), 1.5, 'ü ✓', toDate('2024-01-02'),"
        " toDateTime('2024-01-02 03:04:05'), toDateTime64('2024-01-02 03:04:05.123', 3, 'Europe/Berlin'),"
        " toDecimal64('1.25', 2), toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), [1, 2], map('a', 1), tuple(1, 'x'),"
        " NULL, toIPv4('1.2.3.4'), CAST('a', 'Enum8(\\'a\\' = 1)'), toLowCardinality('l'), true"
    ).result_rows[0]
    expected = (
        1, -5, 7, 1.5, "ü ✓", datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 123000, berlin), decimal.Decimal("1.25"),
        uuid.UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0"), [1, 2], {"a": 1}, (1, "x"), None,
        ipaddress.IPv4Address("1.2.3.4"), "a", "l", True,
    )
    return unequal(rows, expected)


def parameters():
    given = {"a": "it's \\ x\n", "b": [1, 2], "c": "x" * 20_000, "d": datetime.datetime(2024, 1, 2)}
    sql = "SELECT {a:String}, {b:Array(Int32)}, {c:String}, {d:DateTime}"
    return unequal(client().query(sql, parameters=given).result_rows, [tuple(given.values())])


def insert(**options):
    store = client(**options)
    store.command("CREATE TABLE IF NOT EXISTS connected (id UInt64, at DateTime64(3)) ENGINE = MergeTree ORDER BY id")
    store.command("TRUNCATE TABLE connected")
    rows = [[number, datetime.datetime(2024, 1, 1)] for number in range(10_000)]
    store.insert("connected", rows, column_names=["id", "at"])
    return unequal(store.query("SELECT count(), sum(id) FROM connected").result_rows, [(10_000, 49_995_000)])


def compression():
    # zstd needs Node 22.15 or newer.
    methods = ["lz4", "gzip"] + (["zstd"] if os.environ["STORE_HAS_ZSTD"] == "1" else [])
    problems = {method: insert(compress=method) for method in methods}
    return unequal(problems, dict.fromkeys(methods))


def stream():
    rows = total = 0
    with client("default", "").query_row_block_stream("SELECT number FROM numbers(1000000)") as blocks:
        for block in blocks:
            rows += len(block)
            total += sum(row[0] for row in block)
    return unequal((rows, total), (1_000_000, 499_999_500_000))


def midway():
    def read():
        sql = "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)"
        with client().query_row_block_stream(sql) as blocks:
            for _ in blocks:
                pass

    return refused(read, "395")


def cancel():
    def read():
        # Of its own, and with the time that the client gives it.
        impatient = client(send_receive_timeout=1, autogenerate_session_id=False)
        impatient.query("SELECT sleepEachRow(0.1) FROM numbers(3000)", settings={"max_block_size": 1})

    reading = threading.Thread(target=lambda: refused(read), daemon=True)
    reading.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'"
    deadline = time.monotonic() + 40
    reading.join(20)
    while time.monotonic() < deadline and client().command(running) != 0:
        time.sleep(0.2)
    return unequal(client().command(running), 0)


def external():
    data = ExternalData(file_name="people.tsv", fmt="TSV", structure="id UInt64, name String", data=b"1\tAda\n")
    return unequal(client().query("SELECT name FROM people", external_data=data).result_rows, [("Ada",)])


tell(CLIENT, "connect", lambda: unequal(client("default", "").query("SELECT 1").result_rows, [(1,)]))
tell(CLIENT, "types", types)
tell(CLIENT, "parameters", parameters)
tell(CLIENT, "insert", insert)
tell(CLIENT, "compression", compression)
tell(CLIENT, "stream", stream)
tell(CLIENT, "error", lambda: refused(lambda: client().query("SELECT * FROM nowhere"), "60", "nowhere", "UNKNOWN_TABLE"))
tell(CLIENT, "error midway", midway)
tell(CLIENT, "wrong password", lambda: refused(lambda: client(password="no"), "516"))
tell(CLIENT, "cancel", cancel)
tell(CLIENT, "external data", external)
