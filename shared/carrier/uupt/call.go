package uupt

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Sign makes UU跑腿's signature over the exact text of biz: MD5 in upper hex of biz,
// appKey and timestamp without separators. Requests and pushes use the same.
func Sign(biz, appKey, timestamp string) string {
	sum := md5.Sum([]byte(biz + appKey + timestamp))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// envelope carries a request. Biz is JSON text; it is signed as it stands.
type envelope struct {
	OpenID    string `json:"openId"`
	Timestamp int64  `json:"timestamp"` // Unix seconds
	Biz       string `json:"biz"`
	Sign      string `json:"sign"`
}

func (a *Adapter) call(ctx context.Context, op, path string, biz any) (*carrier.Object, error) {
	body, err := a.envelope(biz)
	if err != nil {
		return nil, refused(op, err)
	}
	answer, err := carrier.Call{
		Carrier: Name, Op: op,
		URL:    a.cfg.BaseURL + path,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-App-Id": {a.cfg.AppID}},
		Body:   body,
	}.Send(ctx, a.http)
	if err != nil {
		return nil, err
	}
	return a.open(op, answer)
}

func (a *Adapter) envelope(biz any) ([]byte, error) {
	text, err := carrier.EncodeJSON(biz)
	if err != nil {
		return nil, err
	}
	now := a.system().Unix()
	return carrier.EncodeJSON(envelope{
		OpenID: a.cfg.OpenID, Timestamp: now, Biz: string(text),
		Sign: Sign(string(text), a.cfg.AppKey, strconv.FormatInt(now, 10)),
	})
}

// success is the one code of the envelope that means success.
const success = "1"

// open reads the envelope. A decoded code other than 1 is a refusal; anything that
// cannot be decoded leaves the outcome in doubt.
func (a *Adapter) open(op string, answer []byte) (*carrier.Object, error) {
	env, err := carrier.ParseObject(answer)
	if err != nil {
		return nil, undecodable(op, err)
	}
	code, msg := env.Need("code"), env.Text("msg")
	if err := env.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	if code != success {
		return nil, &carrier.Error{Carrier: Name, Op: op, Kind: a.refusals.Kind(code, msg), Code: code, Message: msg}
	}
	body := env.Object("body")
	if err := env.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	return body, nil
}

func undecodable(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the answer cannot be read", Err: err}
}
