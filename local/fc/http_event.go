package fc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// httpEvent is what an HTTP request becomes for an event function (function-compute.md §3.5).
type httpEvent struct {
	Version         string            `json:"version"`
	RawPath         string            `json:"rawPath"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Headers         map[string]string `json:"headers"`
	QueryParameters map[string]string `json:"queryParameters"`
	RequestContext  httpEventContext  `json:"requestContext"`
}

type httpEventContext struct {
	AccountID    string        `json:"accountId"`
	DomainName   string        `json:"domainName"`
	DomainPrefix string        `json:"domainPrefix"`
	HTTP         httpEventHTTP `json:"http"`
	RequestID    string        `json:"requestId"`
	Time         string        `json:"time"`
	TimeEpoch    string        `json:"timeEpoch"`
}

type httpEventHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

type httpEventResult struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	Body            string            `json:"body"`
}

func newHTTPEvent(req *http.Request, id string, body []byte, now time.Time) httpEvent {
	e := httpEvent{
		Version: "v1", RawPath: req.URL.EscapedPath(), Body: string(body), Headers: joinValues(req.Header),
		QueryParameters: joinValues(map[string][]string(req.URL.Query())),
	}
	if !utf8.Valid(body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	source, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		source = req.RemoteAddr
	}
	path, err := url.PathUnescape(e.RawPath)
	if err != nil {
		path = e.RawPath
	}
	prefix, _, _ := strings.Cut(req.Host, ".")
	e.RequestContext = httpEventContext{
		AccountID: account, DomainName: req.Host, DomainPrefix: prefix, RequestID: id,
		HTTP: httpEventHTTP{Method: req.Method, Path: path, Protocol: req.Proto, SourceIP: source, UserAgent: req.UserAgent()},
		Time: now.UTC().Format(time.RFC3339), TimeEpoch: strconv.FormatInt(now.UnixMilli(), 10),
	}
	return e
}

func joinValues(values map[string][]string) map[string]string {
	out := make(map[string]string, len(values))
	for k, v := range values {
		out[k] = strings.Join(v, ",")
	}
	return out
}

// serveEvent answers a request through an event function. Only the full result struct is understood: what the platform makes of
// others is not known.
func (in *instance) serveEvent(w http.ResponseWriter, req *http.Request, id string, body []byte) {
	payload, err := json.Marshal(newHTTPEvent(req, id, body, in.pool.runtime.opts.System()))
	if err != nil {
		platformError(w, http.StatusBadRequest, id, "InvalidArgument", err.Error())
		return
	}
	result, err := in.invoke(context.WithoutCancel(req.Context()), payload)
	if err != nil {
		functionFailed(w, id, err)
		return
	}
	var answer httpEventResult
	if err := json.Unmarshal(result.Payload, &answer); err != nil || answer.StatusCode < 100 || answer.StatusCode > 599 {
		platformError(w, http.StatusBadGateway, id, "BadResponse", "the result is not {statusCode, headers, isBase64Encoded, body}")
		return
	}
	out := []byte(answer.Body)
	if answer.IsBase64Encoded {
		if out, err = base64.StdEncoding.DecodeString(answer.Body); err != nil {
			platformError(w, http.StatusBadGateway, id, "BadResponse", "the result's body is not base64")
			return
		}
	}
	for k, v := range answer.Headers {
		w.Header().Set(k, v)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(out) // the caller may be gone
}
