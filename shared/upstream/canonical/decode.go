package canonical

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/chuandao/qianfan/shared/upstream"
)

// prefix is where the API lives.
const prefix = "/upstream/v1/orders"

// orderNo is what a client may call an order.
var orderNo = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// reader reads the body of one verb on an order.
type reader func(a *Adapter, no string, body []byte) (upstream.Push, *upstream.Error)

// routes maps method and what follows the order's number to a reader.
var routes = map[[2]string]reader{
	{http.MethodGet, ""}:        readQuery,
	{http.MethodPost, "cancel"}: readCancel,
}

// later are routes of the API's design that do not exist yet.
var later = map[string]bool{"tip": true, "quote": true, "rider": true}

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
	if fault := a.verify(r); fault != nil {
		return upstream.Push{}, fault
	}
	rest, ok := strings.CutPrefix(rawPath(r), prefix)
	if ok && rest == "" && r.Method == http.MethodPost {
		return readCreate(a, r.Body)
	}
	segment, verb, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	read, known := routes[[2]string{r.Method, verb}]
	switch {
	case ok && later[verb]:
		return upstream.Push{}, upstream.Refuse(upstream.NoRoute, "", "%s is not offered yet", verb)
	case !ok || !known || !strings.HasPrefix(rest, "/"):
		return upstream.Push{}, upstream.Refuse(upstream.NoRoute, "", "no such route")
	}
	no, err := url.PathUnescape(segment)
	if err != nil || !orderNo.MatchString(no) {
		return upstream.Push{}, upstream.Refuse(upstream.BadField, "order_no", "not 1 to 64 of A-Z a-z 0-9 . _ : -")
	}
	return read(a, no, r.Body)
}

func readQuery(_ *Adapter, no string, _ []byte) (upstream.Push, *upstream.Error) {
	return upstream.Push{Kind: upstream.KindQuery, No: no, Hash: upstream.HashOf([]any{upstream.KindQuery, no})}, nil
}

// readCancel reads {"reason"}. Its key comes from the order and the reason, so that a
// repeat is the same command.
func readCancel(_ *Adapter, no string, body []byte) (upstream.Push, *upstream.Error) {
	var in struct {
		Reason *string `json:"reason"`
	}
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	if in.Reason == nil {
		return upstream.Push{}, missing("reason")
	}
	if len(*in.Reason) > maxText {
		return upstream.Push{}, upstream.Refuse(upstream.BadField, "reason", "longer than %d bytes", maxText)
	}
	key := upstream.HashOf([]any{upstream.KindCancel, no, *in.Reason})
	return upstream.Push{
		Kind: upstream.KindCancel, No: no, Hash: key,
		Cancel: &upstream.Cancel{Key: key, By: "platform", Reason: *in.Reason},
	}, nil
}
