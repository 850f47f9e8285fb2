// Reads a manifest of Kubernetes with its own types and prints it as JSON, a document a line: a field they do not have,
// or one twice, is an error. `go run . <file>`.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		if err == nil {
			err = read(document)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	known := map[metav1.TypeMeta]any{
		{APIVersion: "v1", Kind: "Service"}:          &corev1.Service{},
		{APIVersion: "apps/v1", Kind: "StatefulSet"}: &appsv1.StatefulSet{},
	}
	object, found := known[kind]
	if !found {
		return errors.New("not a kind that is looked at: " + kind.String())
	}
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(object)
}
