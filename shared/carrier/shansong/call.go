package shansong

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Sign makes 闪送's signature: the secret, then each non-empty field as name and value
// in the order of the names, without separators; MD5 in upper hex.
func Sign(secret string, fields map[string]string) string {
	names := make([]string, 0, len(fields))
	for name, value := range fields {
		if value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var text strings.Builder
	text.WriteString(secret)
	for _, name := range names {
		text.WriteString(name + fields[name])
	}
	sum := md5.Sum([]byte(text.String()))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// call sends one request; data nil means a call without business fields.
func (a *Adapter) call(ctx context.Context, op, name string, data any) (*carrier.Object, error) {
	form, err := a.form(data)
	if err != nil {
		return nil, refused(op, err)
	}
	answer, err := carrier.Call{
		Carrier: Name, Op: op,
		URL:    a.cfg.BaseURL + "/openapi/merchants/v5/" + name,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
		Body:   []byte(form),
	}.Send(ctx, a.http)
	if err != nil {
		return nil, err
	}
	return a.open(op, answer)
}

func (a *Adapter) form(data any) (string, error) {
	fields := map[string]string{
		"clientId":  a.cfg.ClientID,
		"shopId":    a.cfg.ShopID,
		"timestamp": strconv.FormatInt(a.system().UnixMilli(), 10),
	}
	if data != nil {
		text, err := carrier.EncodeJSON(data)
		if err != nil {
			return "", err
		}
		fields["data"] = string(text)
	}
	form := url.Values{"sign": {Sign(a.cfg.Secret, fields)}}
	for name, value := range fields {
		form.Set(name, value)
	}
	return form.Encode(), nil
}

// success is the one status of the envelope that means success.
const success = "200"

// open reads the envelope. A decoded status other than 200 is a refusal; anything
// that cannot be decoded leaves the outcome in doubt.
func (a *Adapter) open(op string, answer []byte) (*carrier.Object, error) {
	envelope, err := carrier.ParseObject(answer)
	if err != nil {
		return nil, undecodable(op, err)
	}
	status, msg := envelope.Need("status"), envelope.Text("msg")
	if err := envelope.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	if status != success {
		return nil, &carrier.Error{Carrier: Name, Op: op, Kind: a.refusals.Kind(status, msg), Code: status, Message: msg}
	}
	data := envelope.Object("data")
	if err := envelope.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	return data, nil
}

func undecodable(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the answer cannot be read", Err: err}
}
