// Plays the conversations of stream.json against a collector: a client written from docs/protocol.md alone.
//
//	TIDEMARK_URL=ws://127.0.0.1:7077/v1/stream TIDEMARK_KEY=… go run . ../stream.json
//
// Prints a line for each that went as written; the first that did not ends it with exit code 1. TIDEMARK_SUFFIX is put
// behind the names of producers, so that the same conversations can be had again with one collector. What is sent
// is not changed, so rows of the same events are not looked at here.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/vmihailenco/msgpack/v5"
)

type step struct {
	Send     string         `json:"send"`
	SendText string         `json:"sendText"`
	Receive  map[string]any `json:"receive"`
	Closed   int            `json:"closed"`
}

type connection struct {
	Query string `json:"query"`
	Steps []step `json:"steps"`
}

type vector struct {
	Name        string       `json:"name"`
	Connections []connection `json:"connections"`
}

func main() {
	content, err := os.ReadFile(os.Args[1])
	check("stream.json", err)
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	check("stream.json", json.Unmarshal(content, &file))
	for _, played := range file.Vectors {
		for _, one := range played.Connections {
			check(played.Name, play(one))
		}
		fmt.Println(played.Name)
	}
}

func play(one connection) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	query := one.Query
	if strings.HasPrefix(query, "producer=") {
		name, rest, _ := strings.Cut(query, "&")
		query = name + os.Getenv("TIDEMARK_SUFFIX") + "&" + rest
	}
	socket, _, err := websocket.Dial(ctx, os.Getenv("TIDEMARK_URL")+"?"+query, &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + os.Getenv("TIDEMARK_KEY")}},
	})
	if err != nil {
		return err
	}
	defer socket.CloseNow()
	for _, next := range one.Steps {
		switch {
		case next.Send != "":
			frame, err := hex.DecodeString(next.Send)
			if err == nil {
				err = socket.Write(ctx, websocket.MessageBinary, frame)
			}
			if err != nil {
				return err
			}
		case next.SendText != "":
			if err := socket.Write(ctx, websocket.MessageText, []byte(next.SendText)); err != nil {
				return err
			}
		case next.Closed != 0:
			_, _, err := socket.Read(ctx)
			if code := websocket.CloseStatus(err); int(code) != next.Closed {
				return fmt.Errorf("closed with %d (%v), not %d", code, err, next.Closed)
			}
			return nil
		default:
			heard, err := read(ctx, socket)
			if err != nil {
				return err
			}
			if err := holds(heard, withSuffix(next.Receive)); err != nil {
				return fmt.Errorf("heard %v: %w", heard, err)
			}
		}
	}
	return socket.Close(websocket.StatusNormalClosure, "")
}

func read(ctx context.Context, socket *websocket.Conn) (map[string]any, error) {
	kind, data, err := socket.Read(ctx)
	if err != nil {
		return nil, err
	}
	var message map[string]any
	if kind == websocket.MessageText {
		return message, json.Unmarshal(data, &message)
	}
	return message, msgpack.Unmarshal(data, &message)
}

func withSuffix(wanted map[string]any) map[string]any {
	if producer, is := wanted["producer"].(string); is {
		wanted["producer"] = producer + os.Getenv("TIDEMARK_SUFFIX")
	}
	return wanted
}

// Whatever is wanted is there, perhaps among more; numbers are compared by value.
func holds(heard, wanted any) error {
	switch of := wanted.(type) {
	case map[string]any:
		there, is := heard.(map[string]any)
		if !is {
			return fmt.Errorf("%v is no map", heard)
		}
		for name, value := range of {
			if err := holds(there[name], value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	case []any:
		there, is := heard.([]any)
		if !is || len(there) != len(of) {
			return fmt.Errorf("%v has not %d entries", heard, len(of))
		}
		for index, value := range of {
			if err := holds(there[index], value); err != nil {
				return err
			}
		}
	default:
		if fmt.Sprint(heard) != fmt.Sprint(wanted) {
			return fmt.Errorf("%v is not %v", heard, wanted)
		}
	}
	return nil
}

func check(name string, err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, errors.Join(errors.New(name), err))
	os.Exit(1)
}
