package sftc

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
)

// Sign is the 顺丰同城 signature over the bytes of a body: MD5 over body & dev_id & dev_key
// in lower-case hex, and Base64 over those 32 digits as text. Calls carry it in the
// query, percent-encoded; callbacks likewise.
func Sign(body []byte, devID, devKey string) string {
	h := md5.New()
	_, _ = h.Write(body) // a hash takes everything
	_, _ = h.Write([]byte("&" + devID + "&" + devKey))
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(h.Sum(nil))))
}
