package fengniao

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
)

// Sign is the v3 signature: lower-case hex SHA-256 over the secret and, directly behind
// it, every non-empty field but signature as name=value, in order of name, with & between.
// Token calls, business calls and callbacks use the same.
func Sign(secret string, fields map[string]string) string {
	text := []byte(secret)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "signature" || fields[name] == "" {
			continue
		}
		if len(text) > len(secret) {
			text = append(text, '&')
		}
		text = append(text, name+"="+fields[name]...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
