package dada

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
)

// Sign is 达达's signature of a call: MD5 in upper-case hex over the secret, the fields but
// the signature itself as name and value, sorted by name, and the secret.
func (c Credentials) Sign(body, timestamp string) string {
	fields := "app_key" + c.AppKey + "body" + body + "formatjson" + "source_id" + c.SourceID + "timestamp" + timestamp + "v1.0"
	return fmt.Sprintf("%X", md5.Sum([]byte(c.AppSecret+fields+c.AppSecret)))
}

// SignCallback is the signature of a callback: MD5 in lower-case hex over the values of
// client_id, order_id and update_time, sorted as text. There is no secret in it.
func SignCallback(clientID, orderID, updateTime string) string {
	values := []string{clientID, orderID, updateTime}
	slices.Sort(values)
	return fmt.Sprintf("%x", md5.Sum([]byte(strings.Join(values, ""))))
}
