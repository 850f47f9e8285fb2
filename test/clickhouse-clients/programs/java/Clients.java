import com.clickhouse.client.api.Client;
import com.clickhouse.client.api.insert.InsertResponse;
import com.clickhouse.client.api.query.GenericRecord;
import com.clickhouse.client.api.query.QuerySettings;
import com.clickhouse.data.ClickHouseFormat;
import com.clickhouse.jdbc.ConnectionImpl;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;

/** client-v2 and the JDBC driver, both with their defaults: answers in blocks of LZ4. */
public class Clients {
  static final String ADDRESS = System.getenv("STORE_HOST") + ":" + System.getenv("STORE_PORT");
  static final String PASSWORD = System.getenv("STORE_PASSWORD");
  static final String MIDWAY = "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)";

  interface Attempt {
    /** Null, or what is wrong. */
    String make() throws Exception;
  }

  static void tell(String client, String feature, Attempt attempt) {
    String problem;
    try {
      problem = attempt.make();
    } catch (Throwable error) {
      problem = chain(error);
    }
    String detail = problem == null ? "" : problem;
    String quoted = detail.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
    System.out.printf(
        "{\"client\":\"%s\",\"feature\":\"%s\",\"ok\":%s,\"detail\":\"%s\"}%n",
        client, feature, problem == null, quoted.substring(0, Math.min(1000, quoted.length())));
  }

  static String chain(Throwable error) {
    StringBuilder said = new StringBuilder();
    for (Throwable one = error; one != null; one = one.getCause()) said.append(one).append("; ");
    return said.toString();
  }

  static String unequal(Object found, Object expected) {
    return String.valueOf(found).equals(String.valueOf(expected)) ? null : found + " is not " + expected;
  }

  static String refused(Attempt attempt, String... words) {
    try {
      attempt.make();
    } catch (Throwable error) {
      String said = chain(error);
      for (String word : words) if (!said.contains(word)) return said + " lacks " + word;
      return null;
    }
    return "nothing was thrown";
  }

  static Client client(String password) {
    return builder(password).build();
  }

  static Client.Builder builder(String password) {
    return new Client.Builder().addEndpoint("http://" + ADDRESS).setUsername("tidemark").setPassword(password);
  }

  static String insertAndRead(Client.Builder builder, String name) throws Exception {
    try (Client client = builder.build()) {
      byte[] rows = ("1\t" + name + "\n2\t" + name + "\n").repeat(5000).getBytes(StandardCharsets.UTF_8);
      client.insert("brewed", new ByteArrayInputStream(rows), ClickHouseFormat.TSV).get().close();
      List<GenericRecord> read = client.queryAll("SELECT count() AS c, sum(id) AS s FROM brewed WHERE name = '" + name + "'");
      return unequal(read.get(0).getString("c") + " " + read.get(0).getString("s"), "10000 15000");
    }
  }

  static void clientV2() {
    String name = "client-v2";
    tell(name, "connect", () -> {
      try (Client client = client(PASSWORD)) {
        return unequal(client.queryAll("SELECT 1 AS one").get(0).getString("one"), "1");
      }
    });
    tell(name, "types", () -> {
      try (Client client = client(PASSWORD)) {
        String sql =
            "SELECT toUInt8(1) AS a, toInt64(-5) AS b, toInt256(7) AS c, 1.5 AS d, 'ü ✓' AS e, toDate('2024-01-02') AS f,"
                + " toDecimal64('1.25', 2) AS g, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS h, [1, 2] AS i,"
                + " toLowCardinality('l') AS j, true AS k, CAST('a', 'Enum8(\\'a\\' = 1)') AS l";
        GenericRecord row = client.queryAll(sql).get(0);
        StringBuilder found = new StringBuilder();
        for (String column : "a b c d e f g h j k l".split(" ")) found.append(row.getString(column)).append(' ');
        String expected = "1 -5 7 1.5 ü ✓ 2024-01-02 1.25 61f0c404-5cb3-11e7-907b-a6006ad3dba0 l true a ";
        String problem = unequal(found, expected);
        return problem != null ? problem : unequal(row.getList("i"), "[1, 2]");
      }
    });
    tell(name, "parameters", () -> {
      try (Client client = client(PASSWORD)) {
        Map<String, Object> given = Map.of("a", "it's", "b", List.of(1, 2));
        GenericRecord row = client.queryAll("SELECT {a:String} AS x, {b:Array(Int32)} AS y", given).get(0);
        return unequal(row.getString("x") + row.getList("y"), "it's[1, 2]");
      }
    });
    tell(name, "insert", () -> {
      try (Client client = client(PASSWORD)) {
        client.execute("CREATE TABLE IF NOT EXISTS brewed (id UInt64, name String) ENGINE = MergeTree ORDER BY id").get().close();
        client.execute("TRUNCATE TABLE brewed").get().close();
      }
      return insertAndRead(builder(PASSWORD), "default");
    });
    tell(name, "compression", () -> {
      String blocks = insertAndRead(builder(PASSWORD).compressClientRequest(true).compressServerResponse(true), "blocks");
      if (blocks != null) return "blocks: " + blocks;
      Client.Builder http = builder(PASSWORD).compressClientRequest(true).compressServerResponse(true).useHttpCompression(true);
      return insertAndRead(http, "http");
    });
    tell(name, "stream", () -> {
      try (Client client = client(PASSWORD); var records = client.queryRecords("SELECT number FROM numbers(1000000)").get()) {
        long sum = 0;
        for (GenericRecord record : records) sum += record.getLong(1);
        return unequal(sum, 499_999_500_000L);
      }
    });
    tell(name, "error", () -> refused(() -> {
      try (Client client = client(PASSWORD)) {
        client.queryAll("SELECT * FROM nowhere");
      }
      return null;
    }, "60", "nowhere"));
    tell(name, "error midway", () -> refused(() -> {
      try (Client client = client(PASSWORD); var records = client.queryRecords(MIDWAY).get()) {
        for (GenericRecord record : records) record.getLong(1);
      }
      return null;
    }));
    tell(name, "wrong password", () -> refused(() -> {
      try (Client client = client("no")) {
        client.queryAll("SELECT 1");
      }
      return null;
    }, "516"));
  }

  static Connection connect(String user, String password) throws SQLException {
    return connect(user, password, new Properties());
  }

  static Connection connect(String user, String password, Properties properties) throws SQLException {
    properties.put("user", user);
    properties.put("password", password);
    return DriverManager.getConnection("jdbc:ch://" + ADDRESS, properties);
  }

  static int rows(ResultSet result) throws SQLException {
    int rows = 0;
    try (result) {
      while (result.next()) rows++;
    }
    return rows;
  }

  static void jdbc() {
    String name = "JDBC";
    tell(name, "connect", () -> {
      try (Connection connection = connect("default", ""); Statement statement = connection.createStatement()) {
        return unequal(rows(statement.executeQuery("SELECT number FROM numbers(3)")), 3);
      }
    });
    tell(name, "types", () -> {
      try (Connection connection = connect("tidemark", PASSWORD); Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery("SELECT toInt64(-5), 1.5, 'ü ✓', toDecimal64('1.25', 2), true, [1, 2]")) {
        row.next();
        String found = row.getLong(1) + " " + row.getDouble(2) + " " + row.getString(3) + " " + row.getBigDecimal(4) + " " + row.getBoolean(5);
        String list = Arrays.toString((Object[]) row.getArray(6).getArray());
        return unequal(found + " " + list, "-5 1.5 ü ✓ 1.25 true [1, 2]");
      }
    });
    tell(name, "parameters", () -> {
      try (Connection connection = connect("tidemark", PASSWORD);
          PreparedStatement statement = connection.prepareStatement("SELECT ?, ?")) {
        statement.setString(1, "it's \\ x");
        statement.setLong(2, 7);
        try (ResultSet row = statement.executeQuery()) {
          row.next();
          return unequal(row.getString(1) + row.getLong(2), "it's \\ x7");
        }
      }
    });
    tell(name, "insert", () -> {
      try (Connection connection = connect("tidemark", PASSWORD)) {
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO brewed (id, name) VALUES (?, ?)")) {
          for (int id = 0; id < 1000; id++) {
            insert.setLong(1, id);
            insert.setString(2, "jdbc'" + id % 2);
            insert.addBatch();
          }
          insert.executeBatch();
        }
        try (Statement statement = connection.createStatement();
            ResultSet row = statement.executeQuery("SELECT count() FROM brewed WHERE name = 'jdbc\\'1'")) {
          row.next();
          return unequal(row.getLong(1), 500);
        }
      }
    });
    tell(name, "stream", () -> {
      try (Connection connection = connect("tidemark", PASSWORD); Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery("SELECT number FROM numbers(1000000)")) {
        long sum = 0;
        while (row.next()) sum += row.getLong(1);
        return unequal(sum, 499_999_500_000L);
      }
    });
    tell(name, "error", () -> refused(() -> {
      try (Connection connection = connect("tidemark", PASSWORD); Statement statement = connection.createStatement()) {
        statement.executeQuery("SELECT * FROM nowhere");
      }
      return null;
    }, "Code: 60", "nowhere"));
    tell(name, "error midway", () -> refused(() -> {
      try (Connection connection = connect("tidemark", PASSWORD); Statement statement = connection.createStatement()) {
        rows(statement.executeQuery(MIDWAY));
      }
      return null;
    }));
    tell(name, "wrong password", () -> refused(() -> {
      try (Connection connection = connect("tidemark", "no"); Statement statement = connection.createStatement()) {
        statement.executeQuery("SELECT 1");
      }
      return null;
    }, "516"));
    tell(name, "tables", () -> {
      try (Connection connection = connect("tidemark", PASSWORD)) {
        DatabaseMetaData meta = connection.getMetaData();
        String found = rows(meta.getTables(null, "tidemark", "seeded", null)) + " " + rows(meta.getColumns(null, "tidemark", "seeded", "%"));
        return unequal(found + " " + (rows(meta.getSchemas()) > 1), "1 1 true");
      }
    });
    tell(name, "cancel", () -> {
      try (Connection connection = connect("tidemark", PASSWORD); Statement statement = connection.createStatement()) {
        String[] cancelled = {"it was not"};
        Thread canceller = new Thread(() -> {
          try {
            String listed = "SELECT count() FROM system.processes"
              + " WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'";
            try (Connection other = connect("tidemark", PASSWORD)) {
              for (int tries = 0; first(other, listed).equals("0") && tries < 600; tries++) Thread.sleep(100);
            }
            statement.cancel();
            cancelled[0] = null;
          } catch (Exception error) {
            cancelled[0] = chain(error);
          }
        });
        long startedMs = System.currentTimeMillis();
        canceller.start();
        String problem = refused(() -> {
          rows(statement.executeQuery("SELECT sleepEachRow(0.1) FROM numbers(3000) SETTINGS max_block_size = 1"));
          return null;
        });
        canceller.join();
        long tookMs = System.currentTimeMillis() - startedMs;
        if (problem != null || cancelled[0] != null) return problem + ", cancelled: " + cancelled[0];
        return tookMs < 200_000 ? null : "it took " + tookMs + " ms";
      }
    });
  }

  /** The first value of the first row. */
  static String first(Connection connection, String sql, String... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int at = 0; at < values.length; at++) statement.setString(at + 1, values[at]);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? String.valueOf(row.getString(1)) : "no row";
      }
    }
  }

  static Connection asDBeaver(String user, String password) throws SQLException {
    Properties properties = new Properties();
    properties.put("use_time_zone", "Europe/Berlin");
    properties.put("clickhouse_setting_session_id", "sess_" + UUID.randomUUID());
    return connect(user, password, properties);
  }

  /** What its extension for ClickHouse asks, in a session of its own for each connection. */
  static void dbeaver() {
    String name = "DBeaver's statements (JDBC)";
    tell(name, "connect", () -> {
      try (Connection connection = asDBeaver("default", "")) {
        if (!first(connection, "SELECT VERSION()").matches("[0-9]+\\..*")) return "no version";
        if (!first(connection, "SELECT name FROM system.table_engines WHERE name = 'MergeTree'").equals("MergeTree")) return "no engines";
        try (Statement statement = connection.createStatement()) {
          if (rows(statement.executeQuery("SHOW DATABASES")) < 2) return "no databases";
        }
        return rows(connection.getMetaData().getTypeInfo()) > 50 ? null : "no types";
      }
    });
    tell(name, "tables", () -> {
      String[] users = {"default", "tidemark"};
      for (String user : users) {
        try (Connection connection = asDBeaver(user, user.equals("default") ? "" : PASSWORD)) {
          String sql = "SELECT engine AS TABLE_TYPE, name AS TABLE_NAME, comment AS REMARKS, * FROM system.tables WHERE database = ?";
          String engine = first(connection, sql + " AND name = ?", "tidemark", "seeded");
          if (!engine.equals("MergeTree")) return user + ": " + engine;
          DatabaseMetaData meta = connection.getMetaData();
          String found = rows(meta.getColumns(null, "tidemark", "seeded", "%")) + " " + rows(meta.getPrimaryKeys(null, "tidemark", "seeded"));
          if (!found.equals("1 1")) return user + ": " + found;
          if (!first(connection, "SHOW CREATE TABLE tidemark.seeded").startsWith("CREATE TABLE")) return "no text";
        }
      }
      // Of what it shows beside a table: to a reader parts of tables are not open.
      try (Connection connection = asDBeaver("tidemark", PASSWORD)) {
        String size = "SELECT sum(bytes), sum(rows), max(modification_time), any(engine) FROM system.parts WHERE database = ? AND table = ? GROUP BY table";
        return Long.parseLong(first(connection, size, "tidemark", "brewed")) > 0 ? null : "no size";
      }
    });
    tell(name, "error", () -> refused(() -> {
      try (Connection connection = asDBeaver("default", "")) {
        return first(connection, "SELECT sum(rows) FROM system.parts WHERE table = ?", "seeded");
      }
    }, "497", "not open to a read-only user"));
    tell(name, "read only", () -> {
      try (Connection connection = asDBeaver("tidemark", PASSWORD); Statement statement = connection.createStatement()) {
        statement.execute("SET readonly=1");
        if (!first(connection, "SELECT 1").equals("1")) return "nothing to be read";
        return refused(() -> {
          statement.execute("INSERT INTO brewed (id, name) VALUES (1, 'no')");
          return null;
        }, "164");
      }
    });
    tell(name, "cancel", () -> {
      String id = UUID.randomUUID().toString();
      try (Connection busy = asDBeaver("tidemark", PASSWORD); Connection other = asDBeaver("tidemark", PASSWORD);
          Statement killer = other.createStatement()) {
        String[] ended = {"it was not"};
        String text = "SELECT sleepEachRow(0.1), '" + id + "' FROM numbers(3000) SETTINGS max_block_size = 1";
        Thread reader = new Thread(() -> ended[0] = refused(() -> first(busy, text), "394"));
        reader.start();
        String under = "SELECT query_id FROM system.processes WHERE query LIKE ? AND query NOT LIKE '%processes%'";
        String found = "no row";
        for (int tries = 0; found.equals("no row") && tries < 600; tries++) {
          Thread.sleep(100);
          found = first(other, under, "%" + id + "%");
        }
        killer.execute("KILL QUERY WHERE query_id='" + found + "'");
        reader.join();
        return ended[0];
      }
    });
  }

  static Connection asMetabase(String user, String password) throws SQLException {
    Properties properties = new Properties();
    properties.put("use_server_time_zone_for_dates", "true");
    properties.put("product_name", "metabase/v1");
    properties.put("jdbc_ignore_unsupported_values", "true");
    properties.put("jdbc_schema_term", "schema");
    properties.put("max_open_connections", "100");
    properties.put("custom_http_params", "");
    return connect(user, password, properties);
  }

  /** What its driver asks when it looks at a store, and how it groups by time. */
  static void metabase() {
    String name = "Metabase's statements (JDBC)";
    tell(name, "connect", () -> {
      try (Connection connection = asMetabase("default", "")) {
        String found = first(connection, "SELECT 1") + " " + first(connection, "SELECT timezone() AS tz");
        String there = first(connection, "SELECT count(*) > 0 FROM system.databases WHERE name = ?", "tidemark");
        return unequal(found + " " + there, "1 UTC 1");
      }
    });
    tell(name, "tables", () -> {
      try (Connection connection = asMetabase("default", "")) {
        DatabaseMetaData meta = connection.getMetaData();
        String[] kinds = {"TABLE", "VIEW", "FOREIGN TABLE", "REMOTE TABLE", "DICTIONARY", "MATERIALIZED VIEW", "MEMORY TABLE", "LOG TABLE"};
        boolean isThere = false;
        try (ResultSet tables = meta.getTables(null, "%", "%", kinds)) {
          while (tables.next()) isThere |= tables.getString("TABLE_NAME").equals("seeded");
        }
        String found = rows(meta.getColumns(null, "tidemark", "seeded", null)) + " " + rows(meta.getPrimaryKeys(null, "tidemark", "seeded"));
        return unequal(isThere + " " + found + " " + rows(meta.getImportedKeys(null, "tidemark", "seeded")), "true 1 1 0");
      }
    });
    tell(name, "parameters", () -> {
      try (Connection connection = asMetabase("default", "")) {
        String sql = "SELECT count(*) FROM (SELECT toString(number) AS n FROM numbers(20)) AS source"
            + " WHERE startsWithUTF8(`source`.`n`, ?) AND (`source`.`n` <> ? OR empty(`source`.`n`) = 1)";
        return unequal(first(connection, sql, "1", "it's"), "11");
      }
    });
    tell(name, "types", () -> {
      try (Connection connection = asMetabase("default", "")) {
        QuerySettings settings = new QuerySettings();
        settings.serverSetting("session_timezone", "Asia/Tokyo");
        connection.unwrap(ConnectionImpl.class).setDefaultQuerySettings(settings);
        String at = "toTimeZone(toDateTime64('2024-05-08 22:35:10.5', 3, 'UTC'), 'Asia/Tokyo')";
        StringBuilder found = new StringBuilder();
        for (String unit : "toStartOfMinute toStartOfHour toStartOfDay toMonday toStartOfMonth toStartOfQuarter toStartOfYear".split(" ")) {
          String sql = "SELECT toString(" + unit + "(" + at + ")) AS t, count(*) AS n, stddevPop(1), quantile(0.9)(2)"
              + " FROM numbers(3) GROUP BY " + unit + "(" + at + ") ORDER BY t ASC";
          found.append(first(connection, sql).substring(0, 10)).append(' ');
        }
        for (String part : "toDayOfWeek toMonth toHour toDayOfYear toISOWeek toQuarter".split(" ")) found.append(first(connection, "SELECT " + part + "(" + at + ")")).append(' ');
        found.append(first(connection, "SELECT timezone()"));
        return unequal(found, "2024-05-09 2024-05-09 2024-05-09 2024-05-06 2024-05-01 2024-04-01 2024-01-01 4 5 7 130 19 2 Asia/Tokyo");
      }
    });
    tell(name, "error", () -> refused(() -> {
      try (Connection connection = asMetabase("default", "")) {
        return first(connection, "SELECT * FROM nowhere LIMIT 1");
      }
    }, "Code: 60"));
    tell(name, "wrong password", () -> refused(() -> {
      try (Connection connection = asMetabase("tidemark", "no")) {
        return first(connection, "SELECT 1");
      }
    }, "AUTHENTICATION_FAILED"));
  }

  public static void main(String[] words) {
    clientV2();
    jdbc();
    dbeaver();
    metabase();
  }
}
