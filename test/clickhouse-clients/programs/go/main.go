// clickhouse-go over HTTP: its own API with every compression, and database/sql with LZ4.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

var ctx = context.Background()

func tell(client, feature string, attempt func() error) {
	told := map[string]any{"client": client, "feature": feature, "ok": true, "detail": ""}
	if err := attempt(); err != nil {
		told["ok"], told["detail"] = false, err.Error()
	}
	line, _ := json.Marshal(told)
	fmt.Println(string(line))
}

func options(password string, method clickhouse.CompressionMethod) *clickhouse.Options {
	return &clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{os.Getenv("STORE_HOST") + ":" + os.Getenv("STORE_PORT")},
		Auth:        clickhouse.Auth{Database: "tidemark", Username: "tidemark", Password: password},
		Compression: &clickhouse.Compression{Method: method, Level: 3},
	}
}

func open(method clickhouse.CompressionMethod) driver.Conn {
	connection, err := clickhouse.Open(options(os.Getenv("STORE_PASSWORD"), method))
	if err != nil {
		panic(err)
	}
	return connection
}

func unequal(found, expected any) error {
	if fmt.Sprint(found) == fmt.Sprint(expected) {
		return nil
	}
	return fmt.Errorf("%v is not %v", found, expected)
}

func refused(err error, words ...string) error {
	if err == nil {
		return errors.New("there was no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			return fmt.Errorf("%w lacks %s", err, word)
		}
	}
	return nil
}

func insert(store driver.Conn) error {
	create := "CREATE TABLE IF NOT EXISTS went (id UInt64, name String, at DateTime64(3), tags Array(String)," +
		" labels Map(String, String), score Nullable(Float64)) ENGINE = MergeTree ORDER BY id"
	for _, statement := range []string{create, "TRUNCATE TABLE went"} {
		if err := store.Exec(ctx, statement); err != nil {
			return err
		}
	}
	batch, err := store.PrepareBatch(ctx, "INSERT INTO went")
	if err != nil {
		return err
	}
	labels := map[string]string{"k": "v"}
	for id := range uint64(50_000) {
		at := time.UnixMilli(1_700_000_000_123)
		if err := batch.Append(id, fmt.Sprint("n", id), at, []string{"a", "b"}, labels, nil); err != nil {
			return err
		}
	}
	if err := batch.Send(); err != nil {
		return err
	}
	var rows, sum uint64
	err = store.QueryRow(ctx, "SELECT count(), sum(id) FROM went WHERE tags[2] = 'b'").Scan(&rows, &sum)
	return errors.Join(err, unequal([]uint64{rows, sum}, []uint64{50_000, 1_249_975_000}))
}

func stream(store driver.Conn) error {
	rows, err := store.Query(ctx, "SELECT number, toString(number) FROM numbers(1000000)")
	if err != nil {
		return err
	}
	defer rows.Close()
	var number, sum uint64
	var text string
	for rows.Next() {
		if err := rows.Scan(&number, &text); err != nil {
			return err
		}
		sum += number
	}
	return errors.Join(rows.Err(), unequal(sum, 499_999_500_000))
}

func midway(store driver.Conn) error {
	rows, err := store.Query(ctx, "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)")
	if err != nil {
		return refused(err, "395")
	}
	defer rows.Close()
	for rows.Next() {
	}
	return refused(rows.Err(), "395")
}

func nowhere(store driver.Conn) error {
	_, err := store.Query(ctx, "SELECT * FROM nowhere")
	return errors.Join(
		refused(err, "60", "nowhere"),
		refused(store.Exec(ctx, "INSERT INTO went SELECT * FROM nowhere"), "60", "nowhere"),
	)
}

func compressions() error {
	methods := []clickhouse.CompressionMethod{
		clickhouse.CompressionNone, clickhouse.CompressionZSTD, clickhouse.CompressionGZIP,
		clickhouse.CompressionDeflate, clickhouse.CompressionBrotli,
	}
	for _, method := range methods {
		store := open(method)
		for _, attempt := range []func(driver.Conn) error{insert, stream, nowhere, midway} {
			if err := attempt(store); err != nil {
				return fmt.Errorf("%v: %w", method, err)
			}
		}
	}
	return nil
}

func types(store driver.Conn) error {
	rows, err := store.Query(ctx, "SELECT toUInt8(1), toInt64(-5), toInt256(7), 1.5, 'ü ✓',"+
		" toDateTime64('2024-01-02 03:04:05.123', 3, 'UTC'), toDecimal64('1.25', 2),"+
		" toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0'), [1, 2], map('a', 1), NULL, toIPv4('1.2.3.4'),"+
		" CAST('a', 'Enum8(\\'a\\' = 1)'), toLowCardinality('l'), true, toFixedString('ab', 2)")
	if err != nil {
		return err
	}
	defer rows.Close()
	names := ""
	for _, column := range rows.ColumnTypes() {
		names += column.DatabaseTypeName() + " "
	}
	expected := "UInt8 Int64 Int256 Float64 String DateTime64(3) Decimal(18, 2) UUID Array(UInt8) Map(String, UInt8)" +
		" Nullable(Nothing) IPv4 Enum8('a' = 1) LowCardinality(String) Bool FixedString(2) "
	// Native in the revision that the engine writes leaves time zones out of types.
	return unequal(strings.ReplaceAll(names, "DateTime64(3, 'UTC')", "DateTime64(3)"), expected)
}

func parameters(store driver.Conn) error {
	given := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"s": "it's \\ x", "n": "7"}))
	var text string
	var number uint8
	err := store.QueryRow(given, "SELECT {s:String}, {n:UInt8}").Scan(&text, &number)
	return errors.Join(err, unequal(fmt.Sprint(text, number), "it's \\ x7"))
}

func external(store driver.Conn) error {
	people, err := ext.NewTable("people", ext.Column("id", "UInt64"), ext.Column("name", "String"))
	if err != nil {
		return err
	}
	if err := people.Append(uint64(1), "Ada"); err != nil {
		return err
	}
	var name string
	with := clickhouse.Context(ctx, clickhouse.WithExternalTable(people))
	err = store.QueryRow(with, "SELECT name FROM people").Scan(&name)
	return errors.Join(err, unequal(name, "Ada"))
}

func cancel(store driver.Conn) error {
	short, give := context.WithTimeout(ctx, time.Second)
	defer give()
	err := store.Exec(short, "SELECT sleepEachRow(0.1) FROM numbers(3000) SETTINGS max_block_size = 1")
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it was not cancelled: %w", err)
	}
	running := uint64(1)
	for deadline := time.Now().Add(40 * time.Second); running > 0 && time.Now().Before(deadline); {
		asked := "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'"
		if err := store.QueryRow(ctx, asked).Scan(&running); err != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return unequal(running, 0)
}

func wrongPassword() error {
	store, err := clickhouse.Open(options("no", clickhouse.CompressionLZ4))
	if err != nil {
		return err
	}
	return refused(store.Ping(ctx), "516")
}

func standardLibrary() {
	const client = "clickhouse-go, database/sql"
	db := sql.OpenDB(clickhouse.Connector(options(os.Getenv("STORE_PASSWORD"), clickhouse.CompressionLZ4)))
	defer db.Close()
	tell(client, "connect", db.Ping)
	tell(client, "parameters", func() error {
		var number int64
		var text string
		err := db.QueryRow("SELECT toInt64(?), ?", 5, "x'y").Scan(&number, &text)
		return errors.Join(err, unequal(fmt.Sprint(number, text), "5x'y"))
	})
	tell(client, "insert", func() error {
		transaction, err := db.Begin()
		if err != nil {
			return err
		}
		statement, err := transaction.Prepare("INSERT INTO went (id, name)")
		if err != nil {
			return err
		}
		for id := range uint64(1_000) {
			if _, err := statement.Exec(id, "standard"); err != nil {
				return err
			}
		}
		var rows uint64
		return errors.Join(
			transaction.Commit(),
			db.QueryRow("SELECT count() FROM went WHERE name = 'standard'").Scan(&rows),
			unequal(rows, 1_000),
		)
	})
	tell(client, "stream", func() error {
		rows, err := db.Query("SELECT number FROM numbers(1000000)")
		if err != nil {
			return err
		}
		defer rows.Close()
		var number, sum uint64
		for rows.Next() {
			if err := rows.Scan(&number); err != nil {
				return err
			}
			sum += number
		}
		return errors.Join(rows.Err(), unequal(sum, 499_999_500_000))
	})
	tell(client, "error", func() error {
		_, err := db.Query("SELECT * FROM nowhere")
		return refused(err, "60", "nowhere")
	})
}

func main() {
	const client = "clickhouse-go"
	store := open(clickhouse.CompressionLZ4)
	tell(client, "connect", func() error { return store.Ping(ctx) })
	tell(client, "types", func() error { return types(store) })
	tell(client, "parameters", func() error { return parameters(store) })
	tell(client, "insert", func() error { return insert(store) })
	tell(client, "compression", compressions)
	tell(client, "stream", func() error { return stream(store) })
	tell(client, "error", func() error { return nowhere(store) })
	tell(client, "error midway", func() error { return midway(store) })
	tell(client, "wrong password", wrongPassword)
	tell(client, "cancel", func() error { return cancel(store) })
	tell(client, "external data", func() error { return external(store) })
	standardLibrary()
}
