"""The tools of mcp-clickhouse, called as its server calls them."""

import logging
import os

os.environ.update(
    CLICKHOUSE_HOST=os.environ["STORE_HOST"],
    CLICKHOUSE_PORT=os.environ["STORE_PORT"],
    CLICKHOUSE_USER="tidemark",
    CLICKHOUSE_PASSWORD=os.environ["STORE_PASSWORD"],
    CLICKHOUSE_SECURE="false",
)
logging.disable(logging.CRITICAL)

import json  # noqa: E402

from mcp_clickhouse import mcp_server  # noqa: E402
from told import refused, tell, unequal  # noqa: E402

CLIENT = "mcp-clickhouse"


def rows(sql):
    answer = mcp_server.run_query(sql)
    return (json.loads(answer) if isinstance(answer, str) else answer)["rows"]


def tables():
    return unequal("seeded" in str(mcp_server.list_tables("tidemark")), True)


tell(CLIENT, "connect", lambda: unequal("tidemark" in str(mcp_server.list_databases()), True))
tell(CLIENT, "types", lambda: unequal(rows("SELECT 1, 'ü', [1, 2], NULL"), [[1, "ü", [1, 2], None]]))
tell(CLIENT, "tables", tables)
tell(CLIENT, "error", lambda: refused(lambda: rows("SELECT * FROM nowhere"), "60"))
tell(CLIENT, "read only", lambda: refused(lambda: rows("DROP TABLE seeded"), "164"))
