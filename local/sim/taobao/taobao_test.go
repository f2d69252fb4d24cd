package taobao_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

func TestSignatureVector(t *testing.T) {
	t.Parallel()
	require.Equal(t, "EB866ACABC1CE278F9AC7B6F75A5A23A", taobao.Sign(map[string]string{
		"appId":     "22954133",
		"message":   `{"orderId":"1200897812792015983","state":"invalid","shopId":720032,"updateTime":1488774535,"role":1}`,
		"requestId": "100000021764401594", "shopId": "720032", "timestamp": "1488774535366", "type": "14", "userId": "98587250597500702",
		"signature": "not signed",
	}, "testsecret"), "#10")
	require.Equal(t, "CEBFD905816CCBF87811A6238B11408A", taobao.SignCall("eleme.order.getOrder", "tok",
		map[string]string{"app_key": `"key"`, "timestamp": "1793600000", "orderId": `"1200897812792015983"`}, "testsecret"), "computed with md5sum")
}

func TestNewOrder(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	n, err := strconv.ParseInt(no, 10, 64)
	require.NoError(t, err)
	require.Greater(t, n, int64(1)<<53)

	env, m := p.pushed(0)
	require.Equal(t, "10", string(env["type"]))
	require.Equal(t, "720001", string(env["shopId"]))
	require.Equal(t, "98587250597500702", string(env["userId"]))
	require.Equal(t, no, m["id"])
	require.Equal(t, no, m["orderId"])
	require.Equal(t, "qf-shop-0001", m["openId"])
	require.Nil(t, m["deliverTime"])
	require.Equal(t, false, m["book"])
	require.Equal(t, "2026-03-04T09:00:00", m["createdAt"], "virtual time")
	require.Regexp(t, `^1\d{10}_\d{4}$`, m["phoneList"].([]any)[0])
	require.Regexp(t, `^\d+\.\d\d$`, m["totalPrice"].(json.Number).String())
	lng, lat, _ := strings.Cut(m["deliveryGeo"].(string), ",")
	home, err := world.ParsePoint(lng, lat)
	require.NoError(t, err)
	metres := shop.Point().Metres(home)
	require.True(t, metres > 495 && metres < 5005, "%v m", metres)

	other := start(t, worldtest.Always(200, ok))
	other.order(world.OrderRequest{})
	_, again := other.pushed(0)
	for _, k := range []string{"consignee", "deliveryGeo", "groups", "totalPrice"} {
		require.Equal(t, m[k], again[k], "drawn from the seed")
	}
}

func TestOrderAsAsked(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	later := begin.Add(3 * time.Hour)
	home := world.Point{Lng: 120.2, Lat: 30.3}
	no := p.order(world.OrderRequest{Shop: "qf-shop-0001", Dropoff: &home, Value: 2550, Expected: &later})
	_, m := p.pushed(0)
	require.Equal(t, "120.200000,30.300000", m["deliveryGeo"])
	require.Equal(t, "29.50", m["totalPrice"].(json.Number).String(), "25.50 and 4.50 for the rider and 1.50 for boxes less 2")
	require.Equal(t, "2026-03-04T12:00:00", m["deliverTime"])
	require.Equal(t, true, m["book"])
	b := p.sim.Books().Orders[0]
	require.Equal(t, no, b.No)
	require.Equal(t, later, *b.Expected)
	_, _, err := p.sim.Order(t.Context(), world.OrderRequest{Shop: "nowhere"})
	require.ErrorIs(t, err, taobao.ErrOrder)
	_, _, err = p.sim.Order(t.Context(), world.OrderRequest{Value: -1})
	require.ErrorIs(t, err, taobao.ErrOrder)
	require.Len(t, p.sim.Books().Orders, 1)
}

func TestPushIsRepeatedUntilAnswered(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ worldtest.Letter, before int) (int, string) {
		if before < 2 {
			return 503, ok
		}
		return 200, ok
	})
	accepted := make(chan bool)
	go func() {
		_, yes, err := p.sim.Order(context.Background(), world.OrderRequest{})
		accepted <- yes && err == nil
	}()
	waits := func() bool { return p.clock.Timers() == 1 }
	for i, gap := range []time.Duration{5 * time.Second, 10 * time.Second} {
		require.Eventually(t, waits, 5*time.Second, time.Millisecond)
		p.clock.Advance(gap - time.Second)
		require.Len(t, p.inbox.Letters(), i+1)
		p.clock.Advance(time.Second)
	}
	require.True(t, <-accepted)
	require.Equal(t, p.inbox.Letters()[0], p.inbox.Letters()[2], "the same message under the same requestId")
	b := p.sim.Books().Orders[0]
	require.Len(t, b.Pushes, 3)
	require.Equal(t, "status 503", b.Pushes[0].Outcome)
	require.Equal(t, taobao.AnswerOK, b.Answer)
	require.Zero(t, p.sim.Missed())
}

func TestAnotherBodyIsARefusal(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, `{"message":"unknown_shop","code":42201}`))
	_, accepted, err := p.sim.Order(t.Context(), world.OrderRequest{})
	require.NoError(t, err)
	require.False(t, accepted)
	require.Len(t, p.inbox.Letters(), 1)
	b := p.sim.Books().Orders[0]
	require.Equal(t, "refused", b.Final)
	require.Contains(t, b.Pushes[0].Outcome, "unknown_shop")
	require.Zero(t, p.sim.Missed(), "it has been read")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	early, late := p.order(world.OrderRequest{}), p.order(world.OrderRequest{})
	require.Empty(t, p.tell(late, "DELIVERY_START", "李四"))
	for i, row := range []struct{ no, kind string }{{early, "14"}, {late, "15"}} {
		accepted, err := p.sim.Cancel(t.Context(), row.no, "不想要了")
		require.NoError(t, err)
		require.True(t, accepted)
		env, m := p.pushed(2 + i)
		require.Equal(t, row.kind, string(env["type"]))
		require.Equal(t, map[string]any{"orderId": row.no, "state": "invalid", "shopId": json.Number("720001"),
			"updateTime": json.Number(strconv.FormatInt(begin.Unix(), 10)), "role": json.Number("1")}, m)
	}
	require.Equal(t, taobao.Cancel{At: begin, Reason: "不想要了", Answer: taobao.AnswerOK}, *p.sim.Books().Orders[0].Cancel)
	_, err := p.sim.Cancel(t.Context(), early, "again")
	require.ErrorIs(t, err, taobao.ErrOrder)
	_, err = p.sim.Cancel(t.Context(), "1", "unknown")
	require.ErrorIs(t, err, taobao.ErrOrder)
}

const pull, confirm = "eleme.msgNew.getPushFailMsg", "eleme.msgNew.confirmPullMsg"

// list is what a pull gives.
func (p *party) list() (ids, kinds []string) {
	p.t.Helper()
	r := p.call(pull, `{"msgQueryRequest":{"appId":22954133}}`)
	require.Empty(p.t, r.code())
	var list []json.RawMessage
	require.NoError(p.t, json.Unmarshal(r.Result, &list))
	for _, raw := range list {
		env, _ := p.opened(raw)
		var id string
		require.NoError(p.t, json.Unmarshal(env["requestId"], &id))
		ids, kinds = append(ids, id), append(kinds, string(env["type"]))
	}
	return ids, kinds
}

// A push that a script loses is never sent, and has to be pulled.
func TestMissedPushes(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	require.NoError(t, p.faults.Direct(world.Script{Party: "taobao", Fault: world.CallbackLost, Times: 2}))
	no, _, err := p.sim.Order(t.Context(), world.OrderRequest{})
	require.ErrorIs(t, err, taobao.ErrUnanswered)
	_, err = p.sim.Cancel(t.Context(), no, "不想要了")
	require.ErrorIs(t, err, taobao.ErrUnanswered)
	require.Empty(t, p.inbox.Letters())
	require.Equal(t, taobao.GivenUp, p.sim.Books().Orders[0].Answer)
	require.Equal(t, 2, p.sim.Books().Missed)
	require.Equal(t, 2, p.faults.Counters()[world.CallbackLost])

	ids, kinds := p.list()
	require.Equal(t, []string{"10", "14"}, kinds, "oldest first")
	again, _ := p.list()
	require.Equal(t, ids, again, "until they are confirmed")
	require.Empty(t, p.call(confirm, fmt.Sprintf(`{"msgConfirmRequest":{"requestIds":[%q,"unknown"]}}`, ids[0])).code())
	b := p.sim.Books()
	require.Equal(t, taobao.AnswerOK, b.Orders[0].Answer)
	require.Equal(t, taobao.GivenUp, b.Orders[0].Cancel.Answer)
	require.Equal(t, []taobao.Push{{At: begin, Type: 10, Outcome: "lost"}, {At: begin, Type: 14, Outcome: "lost"}, {At: begin, Type: 10, Outcome: "pulled"}}, b.Orders[0].Pushes)
	ids, _ = p.list()
	require.Len(t, ids, 1)
	require.Empty(t, p.call(confirm, fmt.Sprintf(`{"msgConfirmRequest":{"requestIds":[%q]}}`, ids[0])).code())
	require.Zero(t, p.sim.Missed())
	require.Equal(t, "VALIDATION_FAILED", p.call(confirm, `{"msgConfirmRequest":{}}`).code())

	r := p.call("eleme.message.getNonReachedMessages", `{"appId":22954133}`)
	require.Equal(t, "[]", string(r.Result))
}

// A push that nobody answers is given up and kept.
func TestPushIsGivenUp(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(502, ``))
	result := make(chan error)
	go func() {
		_, _, err := p.sim.Order(context.Background(), world.OrderRequest{})
		result <- err
	}()
	for waiting := true; waiting; {
		select {
		case err := <-result:
			require.ErrorIs(t, err, taobao.ErrUnanswered)
			waiting = false
		default:
			p.clock.Advance(time.Second)
		}
	}
	require.Len(t, p.inbox.Letters(), taobao.DefaultRetry.Tries)
	require.Equal(t, "gave_up", p.sim.Books().Orders[0].Final)
	var texts []string
	require.NoError(t, json.Unmarshal(p.call("eleme.message.getNonReachedMessages", `{"appId":22954133}`).Result, &texts))
	require.Len(t, texts, 1)
	env, _ := p.opened([]byte(texts[0]))
	require.Equal(t, "10", string(env["type"]))
}

func TestCloseGivesPushesUp(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(502, ``))
	result := make(chan error)
	go func() {
		_, _, err := p.sim.Order(context.Background(), world.OrderRequest{})
		result <- err
	}()
	require.Eventually(t, func() bool { return p.clock.Timers() == 1 }, 5*time.Second, time.Millisecond)
	p.sim.Close()
	require.ErrorIs(t, <-result, taobao.ErrUnanswered)
	_, _, err := p.sim.Order(t.Context(), world.OrderRequest{})
	require.ErrorIs(t, err, taobao.ErrOrder)
}
