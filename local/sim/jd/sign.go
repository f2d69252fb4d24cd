package jd

import (
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
)

// Sign is the 京东 signature: every parameter but sign as name and value in order of name,
// with the secret before and behind; MD5 in upper-case hex. jd_param_json goes in as the
// text that is sent.
func Sign(params map[string]string, secret string) string {
	text := secret
	for _, k := range slices.Sorted(maps.Keys(params)) {
		if k != "sign" {
			text += k + params[k]
		}
	}
	return fmt.Sprintf("%X", md5.Sum([]byte(text+secret)))
}
