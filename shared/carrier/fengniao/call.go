package fengniao

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Sign makes 蜂鸟's signature: SHA-256 in lower hex of the secret followed directly by the
// fields as name=value, joined by & in the order of the names. Empty values and a field
// named signature are left out; values are taken as they are. Token calls, business calls
// and pushes use the same.
func Sign(secret string, fields map[string]string) string {
	names := make([]string, 0, len(fields))
	for name, value := range fields {
		if value != "" && name != "signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	pairs := make([]string, len(names))
	for i, name := range names {
		pairs[i] = name + "=" + fields[name]
	}
	sum := sha256.Sum256([]byte(secret + strings.Join(pairs, "&")))
	return hex.EncodeToString(sum[:])
}

// version of the protocol, in every business call.
const version = "1.0"

// request is a business call. BusinessData is JSON text; it is signed as it stands.
type request struct {
	AppID        string `json:"app_id"`
	MerchantID   string `json:"merchant_id"`
	Timestamp    string `json:"timestamp"` // Unix ms
	Version      string `json:"version"`
	AccessToken  string `json:"access_token"`
	BusinessData string `json:"business_data"`
	Signature    string `json:"signature"`
}

// call makes one business call. Without a token it is not sent at all.
func (a *Adapter) call(ctx context.Context, op, method string, data any) (*carrier.Object, error) {
	access, err := a.tokens.access(ctx)
	if err != nil {
		return nil, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "no access token", Err: err}
	}
	body, err := a.request(access, data)
	if err != nil {
		return nil, refused(op, err)
	}
	answer, err := a.post(ctx, op, "/v3/invoke/"+method, body)
	if err != nil {
		return nil, err
	}
	result, err := a.open(op, answer)
	if a.isTokenFault(err) {
		a.tokens.reject(access)
	}
	return result, err
}

func (a *Adapter) request(access string, data any) ([]byte, error) {
	text, err := carrier.EncodeJSON(data)
	if err != nil {
		return nil, err
	}
	r := request{
		AppID: a.cfg.AppID, MerchantID: a.cfg.MerchantID, Timestamp: a.stamp(), Version: version,
		AccessToken: access, BusinessData: string(text),
	}
	r.Signature = Sign(a.cfg.Secret, map[string]string{
		"app_id": r.AppID, "merchant_id": r.MerchantID, "timestamp": r.Timestamp, "version": r.Version,
		"access_token": r.AccessToken, "business_data": r.BusinessData,
	})
	return carrier.EncodeJSON(r)
}

func (a *Adapter) stamp() string { return strconv.FormatInt(a.system().UnixMilli(), 10) }

func (a *Adapter) post(ctx context.Context, op, path string, body []byte) ([]byte, error) {
	return carrier.Call{
		Carrier: Name, Op: op,
		URL:    a.cfg.BaseURL + path,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body:   body,
	}.Send(ctx, a.http)
}

// success is the one code of the envelope that means success.
const success = "200"

// open reads the envelope and the JSON text inside it; calls without an answer leave it
// empty. A decoded code other than 200 is a refusal; anything that cannot be decoded
// leaves the outcome in doubt.
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
	text := env.Whole("business_data")
	if err := env.Err(); err != nil {
		return nil, undecodable(op, err)
	}
	if text == "" || text == "null" {
		text = "{}"
	}
	data, err := carrier.ParseObject([]byte(text))
	if err != nil {
		return nil, undecodable(op, err)
	}
	return data, nil
}

func (a *Adapter) isTokenFault(err error) bool {
	var e *carrier.Error
	return errors.As(err, &e) && slices.Contains(a.cfg.TokenCodes, e.Code)
}

func undecodable(op string, err error) error {
	return &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindTemporary, Message: "the answer cannot be read", Err: err}
}
