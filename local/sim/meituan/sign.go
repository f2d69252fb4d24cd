package meituan

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Sign is the 美团 signature: the full URL, a question mark, every parameter but sig
// and img_data as k=v joined by & in order of name, and the secret; MD5 in lower-case
// hex. Values go in as they are after one round of URL decoding.
func Sign(url string, params map[string]string, secret string) string {
	var b strings.Builder
	b.WriteString(url)
	sep := byte('?')
	for _, k := range slices.Sorted(maps.Keys(params)) {
		if k == "sig" || k == "img_data" {
			continue
		}
		b.WriteByte(sep)
		b.WriteString(k + "=" + params[k])
		sep = '&'
	}
	b.WriteString(secret)
	sum := md5.Sum([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}
