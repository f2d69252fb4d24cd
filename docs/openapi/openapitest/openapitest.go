// Package openapitest holds what is really said over HTTP to the document that describes it:
// requests fit their schemas, answers fit theirs and have no field that the document does not
// name, and in the end nothing that is documented was left out.
package openapitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// Code is one row of the document's x-error-codes.
type Code struct {
	Code    int    `json:"code"`
	HTTP    int    `json:"http"`
	Reason  string `json:"reason"`
	Meaning string `json:"meaning"`
}

// Document is a description to hold exchanges to. It is safe for concurrent use.
type Document struct {
	Codes      []Code
	paths      map[string]map[string]operation
	components struct{ Responses map[string]response }
	compiler   *jsonschema.Compiler

	mu   sync.Mutex
	done map[string]bool // operations that were answered with success
	seen map[int]bool    // error codes
}

type content struct {
	JSON struct{ Schema json.RawMessage } `json:"application/json"`
}

type response struct {
	Ref     string `json:"$ref"`
	Content content
}

type operation struct {
	OperationID string `json:"operationId"`
	RequestBody *struct{ Content content }
	Responses   map[string]response
	at          string // JSON pointer
}

const resource = "https://qianfan.invalid/openapi.json"

// Load reads a document.
func Load(t testing.TB, raw []byte) *Document {
	t.Helper()
	var in struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Responses map[string]response }
		Codes      []Code `json:"x-error-codes"`
	}
	require.NoError(t, json.Unmarshal(raw, &in))
	require.Equal(t, "3.1.0", in.OpenAPI)
	d := &Document{Codes: in.Codes, paths: map[string]map[string]operation{}, done: map[string]bool{}, seen: map[int]bool{}}
	d.components.Responses = in.Components.Responses
	for path, item := range in.Paths {
		d.paths[path] = map[string]operation{}
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			op := operation{at: fmt.Sprintf("#/paths/%s/%s", strings.ReplaceAll(path, "/", "~1"), method)}
			require.NoError(t, json.Unmarshal(raw, &op), "%s %s", method, path)
			require.NotEmpty(t, op.OperationID, "%s %s", method, path)
			d.paths[path][strings.ToUpper(method)] = op
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	closed(doc)
	d.compiler = jsonschema.NewCompiler()
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	require.NoError(t, d.compiler.AddResource(resource, doc))
	return d
}

// closed makes a field that no schema names a mistake.
func closed(node any) {
	switch v := node.(type) {
	case []any:
		for _, x := range v {
			closed(x)
		}
	case map[string]any:
		if _, fields := v["properties"].(map[string]any); fields && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closed(x)
		}
	}
}

// find is the operation of a request, by its path without the query.
func (d *Document) find(method, path string) (operation, bool) {
	path, _, _ = strings.Cut(path, "?")
	for _, pattern := range slices.Sorted(maps.Keys(d.paths)) {
		if op, ok := d.paths[pattern][method]; ok && fits(pattern, path) {
			return op, true
		}
	}
	return operation{}, false
}

func fits(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

// Request holds a good request to the document: the operation is there and its body fits.
func (d *Document) Request(t testing.TB, method, path string, body []byte) {
	t.Helper()
	op, ok := d.find(method, path)
	require.True(t, ok, "%s %s is not documented", method, path)
	if op.RequestBody == nil {
		require.Empty(t, body, "%s %s: no body is documented", method, path)
		return
	}
	d.fits(t, op.at+"/requestBody/content/application~1json/schema", body)
}

// Answer holds an answer to the document: with success it fits the operation's own schema,
// else that of errors, under the HTTP status that the table of codes gives its code.
func (d *Document) Answer(t testing.TB, method, path string, status int, header http.Header, body []byte) {
	t.Helper()
	require.Contains(t, header.Get("Content-Type"), "application/json", "%s %s", method, path)
	if status != http.StatusOK {
		d.refusal(t, status, body)
		return
	}
	op, ok := d.find(method, path)
	require.True(t, ok, "%s %s is not documented", method, path)
	at := op.at + "/responses/200"
	if ref := op.Responses["200"].Ref; ref != "" {
		at = ref
	}
	d.fits(t, at+"/content/application~1json/schema", body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done[op.OperationID] = true
}

func (d *Document) refusal(t testing.TB, status int, body []byte) {
	t.Helper()
	d.fits(t, "#/components/responses/Error/content/application~1json/schema", body)
	var e struct{ Code int }
	require.NoError(t, json.Unmarshal(body, &e))
	row := slices.IndexFunc(d.Codes, func(c Code) bool { return c.Code == e.Code })
	require.GreaterOrEqual(t, row, 0, "code %d is not documented", e.Code)
	require.Equal(t, d.Codes[row].HTTP, status, "the status of code %d", e.Code)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[e.Code] = true
}

func (d *Document) fits(t testing.TB, at string, body []byte) {
	t.Helper()
	d.mu.Lock()
	schema, err := d.compiler.Compile(resource + at)
	d.mu.Unlock()
	require.NoError(t, err, at)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, "%s", body)
	require.NoError(t, schema.Validate(v), "%s", body)
}

// Complete wants that every operation has succeeded and every code was answered, but those
// that no test can bring about; reasons says why, by code.
func (d *Document) Complete(t testing.TB, reasons map[int]string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, item := range d.paths {
		for method, op := range item {
			require.True(t, d.done[op.OperationID], "%s %s was never answered with success", method, path)
		}
	}
	for _, c := range d.Codes {
		why := reasons[c.Code]
		require.True(t, d.seen[c.Code] != (why != ""), "code %d (%s): answered %v, not testable because %q", c.Code, c.Reason, d.seen[c.Code], why)
	}
}
