package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// Bounds of a command.
const (
	maxKey              = 64
	maxReason           = 255
	maxBy               = 32
	maxTip    money.Fen = 100_00 // dispatch refuses more than that as well
)

// wish is the body of a command by hand.
type wish struct {
	Kind    string            `json:"kind"`
	Args    order.CommandArgs `json:"args"`
	By      string            `json:"by"`
	Reason  string            `json:"reason"`
	Key     string            `json:"key"`     // the same key again is a repeat; empty = one is made up
	Version int               `json:"version"` // of the order as the person saw it; 0 = whatever it is now
}

// wishes are the commands that a person may give, each with what is wrong about its arguments.
var wishes = map[string]func(a order.CommandArgs) error{
	order.CommandCancel:     noArgs,
	order.CommandRedispatch: noArgs,
	order.CommandResolve:    noArgs,
	order.CommandTip: func(a order.CommandArgs) error {
		if a.Carrier != "" || a.What != "" {
			return errors.New("a tip has add_fen only")
		}
		if a.Add <= 0 || a.Add > maxTip {
			return fmt.Errorf("add_fen is %d, not 1 to %d", a.Add, maxTip)
		}
		return nil
	},
	order.CommandForce: func(a order.CommandArgs) error {
		if a.Add != 0 || a.What != "" {
			return errors.New("force has a carrier only")
		}
		if known := carriers.Names(); !slices.Contains(known, a.Carrier) { // dispatch knows which are configured
			return fmt.Errorf("carrier %q is not one of %s", a.Carrier, strings.Join(known, ", "))
		}
		return nil
	},
}

// platformSide are the names by which a platform's own cancels go: a person who used one would
// bill the platform 违约金 for a cancel of ours.
var platformSide = []string{"customer", "merchant", "platform"}

func noArgs(a order.CommandArgs) error {
	if a != (order.CommandArgs{}) {
		return errors.New("this command has no arguments")
	}
	return nil
}

func (w wish) check() *Problem {
	check, known := wishes[w.Kind]
	switch {
	case !known:
		return bad(http.StatusBadRequest, "kinds are "+strings.Join(slices.Sorted(maps.Keys(wishes)), ", "), "kind %q is no command", w.Kind)
	case strings.TrimSpace(w.By) == "":
		return bad(http.StatusBadRequest, `send "by": commands are audited`, "nobody gives this command")
	case slices.Contains(platformSide, strings.ToLower(strings.TrimSpace(w.By))):
		return bad(http.StatusBadRequest, `send your own name as "by"`, "%q stands for the platform's side, which would be billed for a cancel", w.By)
	case utf8.RuneCountInString(w.By) > maxBy || utf8.RuneCountInString(w.Reason) > maxReason || len(w.Key) > maxKey:
		return bad(http.StatusBadRequest, fmt.Sprintf("by has at most %d characters, reason %d, key %d bytes", maxBy, maxReason, maxKey), "a text is too long")
	case !utf8.ValidString(w.By + w.Reason + w.Key):
		return bad(http.StatusBadRequest, "send UTF-8", "a text is not UTF-8")
	case strings.ContainsFunc(w.By+w.Reason, unicode.IsControl):
		return bad(http.StatusBadRequest, "send one line of plain text", "by or reason holds a control character")
	case strings.ContainsFunc(w.Key, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) }):
		return bad(http.StatusBadRequest, "a key is one word", "key %q holds a blank", w.Key)
	case w.Version < 0:
		return bad(http.StatusBadRequest, "leave it out, or send the version of GET /api/orders/{id}", "version %d", w.Version)
	}
	if err := check(w.Args); err != nil {
		return bad(http.StatusBadRequest, "see `qianfan order "+w.Kind+" --help`", "args: %v", err)
	}
	return nil
}

// command stores what a person wants done with an order, and has dispatch look. The row is
// the command; the message only makes it soon. What came of it is read from the order.
func (s *server) command(r *http.Request) (any, error) {
	var in wish
	if empty, err := decode(r, &in); err != nil {
		return nil, err
	} else if empty {
		return nil, bad(http.StatusBadRequest, `send {"kind":"redispatch","by":"…","reason":"…"}`, "there is no body")
	}
	if p := in.check(); p != nil {
		return nil, p
	}
	id, err := s.findID(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if in.Key == "" {
		in.Key = "hand-" + rand.Text()
	}
	virtual := s.Clock.Status().Virtual
	stored, err := s.Store.Commands(r.Context(), []store.NewCommand{{OrderID: id, ByHand: sharedclock.System.Now(), Command: order.Command{
		Key: in.Key, Kind: in.Kind, Args: in.Args, By: in.By, Reason: in.Reason, Hash: in.hash(), ReceivedAt: virtual, Epoch: in.Version,
	}}}, virtual)
	if err != nil {
		return nil, err
	}
	switch got := stored[0]; {
	case got.Unknown:
		return nil, bad(http.StatusNotFound, "`qianfan order list` lists those that are there", "no order %d", id)
	case got.Conflict:
		return nil, bad(http.StatusConflict, "take another key, or none", "key %q names another command of this order", in.Key)
	case got.Closed:
		return nil, bad(http.StatusConflict, "only resolve is left to do with it", "the order is %s", got.State)
	case got.Fresh():
		s.hint(r, id, in.Kind)
	}
	return accepted{map[string]any{"order_id": strconv.FormatInt(id, 10), "key": in.Key, "kind": in.Kind, "repeat": stored[0].Repeat, "version": stored[0].Version}}, nil
}

// hash is the command's content; who says it, and why, may be worded anew in a repeat.
func (w wish) hash() string {
	raw, _ := json.Marshal([]any{w.Kind, w.Args, w.Version}) // texts and integers
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// hint has dispatch look at once; without it the sweep does.
func (s *server) hint(r *http.Request, id int64, kind string) {
	if s.Publish == nil {
		return
	}
	item := message.Item{Key: strconv.FormatInt(id, 10), Order: id, Command: kind}
	if err := s.Publish(r.Context(), message.Message{Topic: message.OrderCommand, Items: []message.Item{item}}); err != nil {
		slog.WarnContext(r.Context(), "command hint not sent, the sweep will find it", "order", id, "error", err)
	}
}
