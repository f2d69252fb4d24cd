package taobao

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Sign is the signature of a push: every field but signature as key=value, in order of
// name and with nothing between them, and the secret; MD5 in upper-case hex. Numbers go in
// as they are written.
func Sign(fields map[string]string, secret string) string { return sum("", fields, secret) }

// SignCall is the signature of a nop call: the action, the token, metas and params as
// key=JSON in order of name, and the secret; MD5 in upper-case hex.
func SignCall(action, token string, values map[string]string, secret string) string {
	return sum(action+token, values, secret)
}

func sum(front string, values map[string]string, secret string) string {
	var b strings.Builder
	b.WriteString(front)
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if k == "signature" {
			continue
		}
		b.WriteString(k + "=" + values[k])
	}
	b.WriteString(secret)
	digest := md5.Sum([]byte(b.String()))
	return strings.ToUpper(hex.EncodeToString(digest[:]))
}
