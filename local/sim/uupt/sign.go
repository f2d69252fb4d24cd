package uupt

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
)

// Sign is the v3 signature: upper-case hex MD5 over the biz text, the appKey and the
// timestamp in seconds, without separators. Calls and callbacks use the same.
func Sign(biz, appKey string, timestamp int64) string {
	sum := md5.Sum([]byte(biz + appKey + strconv.FormatInt(timestamp, 10)))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
