// Package carriertest is the contract that every carrier's adapter fulfils: what goes
// over the wire byte for byte, what each answer means, and above all what is in doubt.
// An adapter's test fills in a Harness and calls Run.
package carriertest

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden requests anew; read the diff")

// SystemTime is the system time of every call in the suite.
var SystemTime = time.Unix(1_700_000_000, 0)

// Harness is what the suite needs to know of one carrier. Golden files lie in
// testdata: for each call of Calls a `<call>.request`, as dumped by the suite, and a
// `<call>.answer`, the body of the carrier's successful answer.
type Harness struct {
	// New makes the adapter with the development credentials, at a base address.
	New func(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error)
	// Place is what places the quote of the answer file.
	Place carrier.PlaceRequest
	// Ref names the order of the answer files.
	Ref  carrier.Ref
	Want Want
	// Extra are the calls beyond those of Adapter that this carrier has: "tip", "position".
	Extra []string
	// Lacks are the calls of Adapter that this carrier does not have: "cancel_fee". They are
	// refused before anything is sent, and have no golden files.
	Lacks []string
	// Stores are the calls of StoreCalls that name the shop's own number at the carrier.
	Stores []string
	// Balances are how the carrier states our balance.
	Balances Balances
	// Refusals are decided answers and what they mean.
	Refusals []Refusal
	// Garbage are bodies of HTTP 200 that decide nothing, beside those that the suite has.
	Garbage []string
	Pushes  []Push
	Replies []Reply
	// Attacks are how the suite attacks the carrier's pushes; they are its own.
	Attacks *Attacks
}

// Want is what the successful answers mean.
type Want struct {
	Facts   carrier.Facts
	Quote   carrier.Quote
	Placed  carrier.Placed
	Fee     money.Fen
	Cancel  carrier.CancelResult
	Status  carrier.Status
	Balance money.Fen
	Tipped  carrier.Tipped   // after a tip of 2 元 that makes 5 元
	Located carrier.Location // "position"
}

// Refusal is a decided answer to a call. For "cancel" an empty Kind means that the
// result says Refused.
type Refusal struct {
	Name, Call, Answer string
	Kind               carrier.Kind
}

// Refuse makes a Refusal.
func Refuse(name, call, answer string, kind carrier.Kind) Refusal {
	return Refusal{Name: name, Call: call, Answer: answer, Kind: kind}
}

// Push is a callback as received and what the adapter says to it: Want, or an error of
// Kind whose text names Says.
type Push struct {
	Name    string
	Request carrier.CallbackRequest
	Want    carrier.Status
	Kind    carrier.Kind
	Says    string
}

// Reply is how the adapter answers a push.
type Reply struct {
	Name string
	Err  error
	HTTP int
	Body string // JSON; empty: nothing is written
}

// Answer makes a Reply.
func Answer(name string, err error, status int, body string) Reply {
	return Reply{Name: name, Err: err, HTTP: status, Body: body}
}

// Calls are the names of the calls, in the order of an order's life.
var Calls = []string{"quote", "place", "query", "cancel_fee", "cancel", "confirm_return", "balance"}

// StoreCalls are the calls that may name the shop's own number: "find" is a query by our
// number alone.
var StoreCalls = []string{"quote", "place", "find"}

// Sample is the order that the suite quotes: 杭州, a privacy number, 1.2 kg, and
// characters that a careless encoder would escape.
func Sample(ourNo string) carrier.QuoteRequest {
	return carrier.QuoteRequest{
		OurNo: ourNo, CityCode: "330100", CityName: "杭州",
		Detail: order.Detail{
			From: order.Stop{Name: "千帆小馆", Phone: "13900000001", Address: "杭州市西湖区文三路1号", Detail: "1层<东>",
				Point: geo.Point{Lng: 120.1551, Lat: 30.2741}},
			To: order.Stop{Name: "张三", Phone: "13812345678", Ext: "1234", Address: "杭州市西湖区教工路2号", Detail: "3-401",
				Point: geo.Point{Lng: 120.1423, Lat: 30.2856}},
			Goods:   order.Goods{Category: "food", WeightG: 1200, Value: 4550, Count: 2, Remark: "少辣 & 多放<香菜>"},
			Display: "12",
		},
	}
}

// Run holds an adapter to the contract.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("facts", h.facts)
	t.Run("wire", h.wire)
	t.Run("life", h.life)
	t.Run("lacks", h.lacks)
	t.Run("stores", h.stores)
	t.Run("balances", h.balances)
	t.Run("refusals", h.refusals)
	t.Run("doubt", h.doubt)
	t.Run("input", h.input)
	t.Run("pushes", h.pushes)
	t.Run("replies", h.replies)
	t.Run("attacks", h.attacks)
	t.Run("development credentials", h.credentials)
}

func (h Harness) facts(t *testing.T) {
	t.Parallel()
	a := h.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
	require.Equal(t, h.Want.Facts, a.Facts())
	require.Equal(t, h.Want.Status.Carrier, a.Name())
}

func (h Harness) credentials(t *testing.T) {
	t.Parallel()
	_, err := h.New("http://127.0.0.1:1", deps(http.DefaultClient), false)
	require.ErrorIs(t, err, settings.ErrDevCredentials)
}

func (h Harness) adapter(t *testing.T, base string, client *http.Client) carrier.Adapter {
	t.Helper()
	a, err := h.New(base, deps(client), true)
	require.NoError(t, err)
	return a
}

func deps(client *http.Client) settings.Deps {
	return settings.Deps{HTTP: client, System: func() time.Time { return SystemTime }}
}

// do makes one call of Calls and gives its result as a value.
func (h Harness) do(ctx context.Context, a carrier.Adapter, call string) (any, error) {
	switch call {
	case "quote":
		return a.Quote(ctx, h.Place.QuoteRequest)
	case "place":
		return a.Place(ctx, h.Place)
	case "query":
		return a.Query(ctx, h.Ref)
	case "cancel_fee":
		return a.CancelFee(ctx, h.Ref)
	case "cancel":
		return a.Cancel(ctx, carrier.CancelRequest{Ref: h.Ref, Reason: "顾客取消"})
	case "confirm_return":
		return nil, a.ConfirmReturn(ctx, h.Ref)
	case "balance":
		return a.Balance(ctx)
	case "tip":
		return a.(carrier.Tipper).Tip(ctx, carrier.TipRequest{Ref: h.Ref, Add: 200, Total: 500})
	case "position":
		return a.(carrier.Locator).Locate(ctx, h.Ref)
	}
	return nil, errors.New("no such call: " + call)
}

// want is the value that do gives when the carrier answers with the answer file.
func (h Harness) want(call string) any {
	return map[string]any{
		"quote": h.Want.Quote, "place": h.Want.Placed, "query": h.Want.Status, "cancel_fee": h.Want.Fee,
		"cancel": h.Want.Cancel, "balance": h.Want.Balance, "tip": h.Want.Tipped, "position": h.Want.Located,
	}[call]
}

// calls are those that this carrier has.
func (h Harness) calls() []string {
	var calls []string
	for _, call := range Calls {
		if slices.Contains(h.Lacks, call) {
			continue
		}
		if call != "confirm_return" || h.Want.Facts.ConfirmReturn {
			calls = append(calls, call)
		}
	}
	return append(calls, h.Extra...)
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return raw
}
