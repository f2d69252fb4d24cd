package dada

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Sign makes 达达's signature of a request: upper-case hex MD5 over the secret, each field's
// name and value in the order of the names, and the secret again.
func Sign(secret string, fields map[string]string) string {
	var text strings.Builder
	text.WriteString(secret)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text.WriteString(name + fields[name])
	}
	text.WriteString(secret)
	sum := md5.Sum([]byte(text.String()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// SignPush makes the signature of a push: lower-case hex MD5 over three of its values, in
// the order of their texts. No secret is in it: everybody can make one.
func SignPush(clientID, orderID, updateTime string) string {
	values := []string{clientID, orderID, updateTime}
	slices.Sort(values)
	sum := md5.Sum([]byte(strings.Join(values, "")))
	return hex.EncodeToString(sum[:])
}

// The fields of a request that never change.
const (
	format  = "json"
	version = "1.0"
)

// request is what goes over the wire. Body is the signed text of the business parameters.
type request struct {
	AppKey    string `json:"app_key"`
	Body      string `json:"body"`
	Format    string `json:"format"`
	SourceID  string `json:"source_id"`
	Timestamp int64  `json:"timestamp"` // Unix seconds
	V         string `json:"v"`
	Signature string `json:"signature"`
}

func (a *Adapter) sign(body []byte) request {
	r := request{AppKey: a.cfg.AppKey, Body: string(body), Format: format, SourceID: a.cfg.SourceID, Timestamp: a.system().Unix(), V: version}
	r.Signature = Sign(a.cfg.AppSecret, map[string]string{
		"app_key": r.AppKey, "body": r.Body, "format": r.Format, "source_id": r.SourceID,
		"timestamp": strconv.FormatInt(r.Timestamp, 10), "v": r.V,
	})
	return r
}

// call sends one request to a path below /api/ and opens the answer's envelope.
func (a *Adapter) call(ctx context.Context, op, path string, parameters any) (*answer, error) {
	body, err := carrier.EncodeJSON(parameters)
	if err != nil {
		return nil, refused(op, err)
	}
	text, err := carrier.EncodeJSON(a.sign(body))
	if err != nil {
		return nil, refused(op, err)
	}
	raw, err := carrier.Call{
		Carrier: Name, Op: op, URL: a.cfg.BaseURL + "/api/" + path,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: text,
	}.Send(ctx, a.http)
	if err != nil {
		return nil, err
	}
	return a.open(op, raw)
}

const (
	success = "success" // status
	none    = "0"       // code of a success
)

// open reads the envelope. A decoded failure with a code is a refusal; anything else that
// is no success leaves the outcome in doubt.
func (a *Adapter) open(op string, raw []byte) (*answer, error) {
	envelope, err := carrier.ParseObject(raw)
	if err != nil {
		return nil, undecodable(op, err)
	}
	status, code, msg := envelope.Need("status"), envelope.Need("code"), envelope.Text("msg")
	switch err := envelope.Err(); {
	case err != nil:
		return nil, undecodable(op, err)
	case (status == success) != (code == none):
		return nil, undecodable(op, errors.New("status and code contradict each other"))
	case status != success:
		return nil, &carrier.Error{Carrier: Name, Op: op, Kind: a.refusals.Kind(code, msg), Code: code, Message: msg}
	}
	return &answer{op: op, Object: envelope}, nil
}

func undecodable(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the answer cannot be read", Err: err}
}
