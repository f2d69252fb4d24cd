package shansong

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Sign is the 闪送 signature: the secret, then every non-empty parameter but sign as
// name and value without separators, in order of name; MD5 in upper-case hex.
func Sign(secret string, params map[string]string) string {
	var b strings.Builder
	b.WriteString(secret)
	for _, k := range slices.Sorted(maps.Keys(params)) {
		if k != "sign" && params[k] != "" {
			b.WriteString(k)
			b.WriteString(params[k])
		}
	}
	sum := md5.Sum([]byte(b.String()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
