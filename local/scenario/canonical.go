package scenario

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/clock"
)

// canonical is a client of our own API, as a platform among the others. Such clients are
// told nothing: they read.
type canonical struct {
	base   string
	now    func() time.Time // virtual
	shops  map[string]world.Shop
	client *http.Client

	mu     sync.Mutex
	serial int
	drafts map[string]draft
}

// draft is an order as it was written down.
type draft struct {
	raw  []byte
	shop world.Shop
}

var _ world.Directed = (*canonical)(nil)

// The development credentials.
const (
	canonicalName   = "canonical"
	canonicalKey    = "qf-test-key"
	canonicalSecret = "qf-test-secret-0001"
	canonicalOrders = "/upstream/v1/orders"
)

func newCanonical(e *emulator.Emulator) *canonical {
	c := &canonical{base: e.URLs["gateway"], now: e.Clock.Now, shops: map[string]world.Shop{}, client: &http.Client{Timeout: 30 * time.Second}, drafts: map[string]draft{}}
	for _, s := range emulator.Shops() {
		c.shops[s.Code] = s
	}
	return c
}

var errDraft = errors.New("canonical: cannot order")

// Draft writes an order down.
func (c *canonical) Draft(r world.OrderRequest) (string, error) {
	shop, known := c.shops[r.Shop]
	if !known && !r.Unlisted || r.Dropoff == nil {
		return "", fmt.Errorf("%w: shop %q", errDraft, r.Shop)
	}
	city := shop.City
	if r.Unlisted {
		city = c.shops[defaultShop].City
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	no := "scenario-" + strconv.Itoa(c.serial)
	body := map[string]any{
		"order_no": no, "city": city, "shop": map[string]any{"id": r.Shop},
		"recipient": map[string]any{"name": "欧阳小敏", "phone": "13900139000", "address": "文三路 90 号 3 幢 501 室", "lng": r.Dropoff.Lng, "lat": r.Dropoff.Lat},
		"goods":     map[string]any{"category": "餐饮", "weight_g": 1200, "value_fen": r.Value, "count": 2, "remark": "少辣"},
	}
	if r.Expected != nil {
		body["expected_at"] = r.Expected.Format(time.RFC3339)
	}
	raw, err := json.Marshal(body)
	c.drafts[no] = draft{raw, shop}
	return no, err
}

// Push sends an order that is written down, once more or for the first time.
func (c *canonical) Push(no string) (world.Answered, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.drafts[no]
	if !ok {
		return nil, fmt.Errorf("%w: no order %q", errDraft, no)
	}
	return c.send(http.MethodPost, canonicalOrders, d.raw), nil
}

// Begin is both.
func (c *canonical) Begin(r world.OrderRequest) (string, world.Answered, error) {
	no, err := c.Draft(r)
	if err != nil {
		return "", nil, err
	}
	answered, err := c.Push(no)
	return no, answered, err
}

// BeginCancel withdraws an order.
func (c *canonical) BeginCancel(no, reason string) (world.Answered, error) {
	raw, err := json.Marshal(map[string]string{"reason": reason})
	return c.send(http.MethodPost, canonicalOrders+"/"+no+"/cancel", raw), err
}

// tip offers the riders more.
func (c *canonical) tip(no string, fen int64) (world.Answered, error) {
	raw, err := json.Marshal(map[string]int64{"add_fen": fen})
	return c.send(http.MethodPost, canonicalOrders+"/"+no+"/tip", raw), err
}

// change tells of another phone, or another place so far from the shop.
func (c *canonical) change(no, phone string, metres int) (world.Answered, error) {
	to := map[string]any{}
	if phone != "" {
		to["phone"] = phone
	}
	if metres > 0 {
		c.mu.Lock()
		at := c.drafts[no].shop.Point().Away(float64(metres), 2)
		c.mu.Unlock()
		to["address"], to["lng"], to["lat"] = "体育场路 210 号", at.Lng, at.Lat
	}
	raw, err := json.Marshal(map[string]any{"recipient": to})
	return c.send(http.MethodPatch, canonicalOrders+"/"+no, raw), err
}

// OnTold does nothing: nobody is told.
func (c *canonical) OnTold(func(key, no string, stage world.Stage)) {}

// Heard is nothing, for the same reason.
func (c *canonical) Heard(string) ([]world.Heard, []string) { return nil, nil }

// send makes the call when its answer is waited for, which is at once.
func (c *canonical) send(method, path string, body []byte) world.Answered {
	return func(ctx context.Context) (bool, error) {
		status, answer, err := c.call(ctx, method, path, body)
		if err != nil {
			return false, err
		}
		var reply struct{ Code *int }
		if err := json.Unmarshal(answer, &reply); err != nil || reply.Code == nil {
			return false, fmt.Errorf("canonical: %s %s: %d %s", method, path, status, answer)
		}
		return *reply.Code == 0, nil
	}
}

// call makes one signed call.
func (c *canonical) call(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("canonical: %w", err)
	}
	stamp := strconv.FormatInt(clock.System.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(canonicalSecret))
	_, _ = io.WriteString(mac, stamp+"\n"+method+"\n"+path+"\n"+string(body)) // a hash takes everything
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Qianfan-Key", canonicalKey)
	req.Header.Set("X-Qianfan-Timestamp", stamp)
	req.Header.Set("X-Qianfan-Signature", hex.EncodeToString(mac.Sum(nil)))
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("canonical: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, answer, err
}
