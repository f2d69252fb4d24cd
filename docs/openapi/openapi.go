// Package openapi holds the descriptions of our own APIs, as they are served.
package openapi

import _ "embed" // the documents

// Canonical describes the canonical inbound API: OpenAPI 3.1 as JSON, served at
// GET /upstream/v1/openapi.json.
//
//go:embed canonical.json
var Canonical []byte
