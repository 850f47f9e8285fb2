// Sends events as OTLP log records over HTTP, a request of many records at a time, and prints what it sent as JSON.
//
// The events are the lines of a file of JSON objects, sent over and over; ids get the number of their sending, so that
// no two records are the same. It waits while the collector asks it to (429, 503), as an exporter would.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

const retryEvery = 20 * time.Millisecond

func main() {
	url := flag.String("url", "", "address of the receiver, up to /v1/logs")
	path := flag.String("events", "", "file of JSON lines")
	total := flag.Int("count", 0, "events to send")
	perRequest := flag.Int("per-request", 500, "events of a request")
	connections := flag.Int("connections", 20, "requests at a time")
	flag.Parse()

	events, err := readEvents(*path)
	if err != nil {
		fail(err)
	}
	var next, sentBytes, retries atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	for range *connections {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				first := int(next.Add(int64(*perRequest))) - *perRequest
				if first >= *total {
					return
				}
				count := min(*perRequest, *total-first)
				body, err := encode(events, first, count)
				if err != nil {
					fail(err)
				}
				sentBytes.Add(int64(len(body)))
				retries.Add(send(*url, body))
			}
		}()
	}
	group.Wait()
	fmt.Printf("{\"events\":%d,\"bytes\":%d,\"retries\":%d,\"elapsedMs\":%d}\n",
		*total, sentBytes.Load(), retries.Load(), time.Since(begin).Milliseconds())
}

func readEvents(path string) ([]map[string]any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var events []map[string]any
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var event map[string]any
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, lines.Err()
}

// One resource for all: an agent is an attribute of its record, as the exporter then has one map less to write.
func encode(events []map[string]any, first, count int) ([]byte, error) {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "fleet")
	records := resource.ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(count)
	now := pcommon.NewTimestampFromTime(time.Now())
	for number := first; number < first+count; number++ {
		record := records.AppendEmpty()
		record.SetTimestamp(now)
		attributes := record.Attributes()
		for name, value := range events[number%len(events)] {
			put(record, attributes, name, value, number)
		}
	}
	return plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
}

func put(record plog.LogRecord, attributes pcommon.Map, name string, value any, number int) {
	switch typed := value.(type) {
	case string:
		if name == "type" {
			record.SetEventName(typed)
			return
		}
		if strings.HasSuffix(name, "_id") && name != "agent_id" && name != "crew_id" && name != "user_id" {
			typed = fmt.Sprintf("%s-%d", typed, number)
		}
		attributes.PutStr(name, typed)
	case float64:
		if typed == float64(int64(typed)) {
			attributes.PutInt(name, int64(typed))
		} else {
			attributes.PutDouble(name, typed)
		}
	case bool:
		attributes.PutBool(name, typed)
	}
}

// Returns how often it had to be sent again.
func send(url string, body []byte) int64 {
	for retries := int64(0); ; retries++ {
		answer, err := http.Post(url, "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			fail(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			return retries
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			time.Sleep(retryEvery)
		default:
			fail(fmt.Errorf("the receiver answered %d: %s", answer.StatusCode, text))
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
