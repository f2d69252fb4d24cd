package canonical

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/chuandao/qianfan/shared/upstream"
)

// Where the API lives. The document is the only thing that needs no signature.
const (
	root         = "/upstream/v1"
	prefix       = root + "/orders"
	quotePath    = root + "/quote"
	documentPath = root + "/openapi.json"
)

// orderNo is what a client may call an order.
var orderNo = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// reader reads the body of one verb on an order; no is empty where none is named.
type reader func(a *Adapter, no string, body []byte) (upstream.Push, *upstream.Error)

// whole are the routes that name no order, by method and path.
var whole = map[[2]string]reader{
	{http.MethodPost, prefix}:    readCreate,
	{http.MethodPost, quotePath}: readQuote,
}

// routes are the others, by method and what follows the order's number.
var routes = map[[2]string]reader{
	{http.MethodGet, ""}:            readQuery,
	{http.MethodGet, "rider"}:       readRider,
	{http.MethodGet, "cancel-cost"}: readCancelCost,
	{http.MethodPost, "cancel"}:     readCancel,
	{http.MethodPost, "tip"}:        readTip,
	{http.MethodPatch, ""}:          readChange,
}

// Decode verifies and reads a request.
func (a *Adapter) Decode(r upstream.Request) (upstream.Push, error) {
	push, fault := a.decode(r)
	if fault != nil {
		return upstream.Push{}, fault
	}
	return push, nil
}

func (a *Adapter) decode(r upstream.Request) (upstream.Push, *upstream.Error) {
	if r.TooLarge {
		return upstream.Push{}, upstream.Refuse(upstream.TooLarge, "", "the body is over the limit")
	}
	path := rawPath(r)
	if path == documentPath && r.Method == http.MethodGet {
		return upstream.Push{Kind: upstream.KindDocument}, nil
	}
	if fault := a.verify(r); fault != nil {
		return upstream.Push{}, fault
	}
	if read, ok := whole[[2]string{r.Method, path}]; ok {
		return read(a, "", r.Body)
	}
	segment, verb, deeper := strings.Cut(strings.TrimPrefix(path, prefix+"/"), "/")
	read, known := routes[[2]string{r.Method, verb}]
	if !strings.HasPrefix(path, prefix+"/") || !known || deeper && verb == "" {
		return upstream.Push{}, upstream.Refuse(upstream.NoRoute, "", "no such route")
	}
	no, err := url.PathUnescape(segment)
	if err != nil || !orderNo.MatchString(no) {
		return upstream.Push{}, upstream.Refuse(upstream.BadField, "order_no", "not 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	return read(a, no, r.Body)
}

func readQuery(_ *Adapter, no string, _ []byte) (upstream.Push, *upstream.Error) {
	return ask(upstream.KindQuery, no), nil
}

func readRider(_ *Adapter, no string, _ []byte) (upstream.Push, *upstream.Error) {
	return ask(upstream.KindRider, no), nil
}

func readCancelCost(_ *Adapter, no string, _ []byte) (upstream.Push, *upstream.Error) {
	return ask(upstream.KindCancelCost, no), nil
}

// ask is a request that changes nothing.
func ask(kind upstream.Kind, no string) upstream.Push {
	return upstream.Push{Kind: kind, No: no, Hash: upstream.HashOf([]any{kind, no})}
}
