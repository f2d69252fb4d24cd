package taobao_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// handSignature was computed with md5sum over action, token, the values in order of name,
// and the secret.
const handSignature = "FB53DD53F7492076E7BD2A7C77AF8781"

// The body of a call written out by hand.
func TestCallByHand(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	const call = `{"token":"tok","nop":"1.0.0","metas":{"app_key":"22954133","timestamp":1767225600},` +
		`"params":{"orderId":"1200897812792015983"},"action":"eleme.order.getOrder","id":"A|1","signature":"HAND"}`
	require.Equal(t, "BIZ_ORDER_NOT_FOUND", p.post(strings.Replace(call, "HAND", handSignature, 1)).code(), "signed well, and unknown")
	require.Equal(t, "INVALID_SIGNATURE", p.post(strings.Replace(call, "HAND", strings.ToLower(handSignature), 1)).code())
}

func TestReportBackInOrder(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	type heard struct {
		key, no string
		stage   world.Stage
	}
	var all []heard
	p.sim.OnTold(func(key, no string, stage world.Stage) { all = append(all, heard{key, no, stage}) })
	no := p.order(world.OrderRequest{Key: "k1"})
	for _, state := range []string{"tobeAssignedCourier", "tobeFetched", "tobeFetched", "arrived", "DELIVERY_START", "DELIVERY_COMPLETE"} {
		require.Empty(t, p.tell(no, state, "李四"))
	}
	b := p.sim.Books().Orders[0]
	require.Empty(t, b.Violations)
	require.Equal(t, "delivered", b.Final)
	require.True(t, b.Told[2].Repeat)
	require.Equal(t, "李四13800000000", b.Told[0].Courier)
	require.Equal(t, "闪送", b.Told[0].Company)
	require.Equal(t, []world.Stage{world.StageDispatched, world.StageAccepted, world.StageAccepted, world.StageArrived, world.StagePickedUp, world.StageDelivered},
		[]world.Stage{all[0].stage, all[1].stage, all[2].stage, all[3].stage, all[4].stage, all[5].stage})
	require.Equal(t, heard{"k1", no, world.StageDispatched}, all[0])
}

func TestReportBackOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		told       []string // state/courier
		violations int
		final      string
	}{
		"another rider":           {[]string{"tobeFetched/李", "arrived/李", "tobeFetched/王", "DELIVERY_START/王", "DELIVERY_COMPLETE/王"}, 0, "delivered"},
		"nobody, then another":    {[]string{"tobeFetched/李", "tobeAssignedCourier/", "tobeFetched/王", "completed/王"}, 0, "delivered"},
		"unnamed, then another":   {[]string{"arrived/", "tobeAssignedCourier/", "tobeFetched/王", "completed/王"}, 0, "delivered"},
		"backwards, same rider":   {[]string{"DELIVERY_START/李", "arrived/李"}, 1, ""},
		"after a cancel anything": {[]string{"DELIVERY_START/李", "cancelled/李", "tobeFetched/李"}, 0, ""},
		"cancelled":               {[]string{"tobeFetched/李", "noMoreDelivery/李"}, 0, "cancelled"},
		"after delivery":          {[]string{"DELIVERY_COMPLETE/李", "DELIVERY_COMPLETE/李", "cancelled/李"}, 1, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, worldtest.Always(200, ok))
			no := p.order(world.OrderRequest{})
			for _, told := range row.told {
				state, courier, _ := strings.Cut(told, "/")
				require.Empty(t, p.tell(no, state, courier))
			}
			b := p.sim.Books()
			require.Len(t, b.Violations, row.violations)
			require.Equal(t, row.final, b.Orders[0].Final)
			require.Equal(t, row.final == "delivered", b.Orders[0].Owes != 0, "a delivery is owed, and nothing else")
		})
	}
}

// The plain calls move the state too.
func TestSimpleCalls(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	first, second := p.order(world.OrderRequest{}), p.order(world.OrderRequest{})
	for _, call := range []string{"deliveryBySelfLite", "startDeliveryBySelf", "completeDeliveryBySelf"} {
		require.Empty(t, p.call("eleme.order."+call, fmt.Sprintf(`{"orderId":%q,"phone":"13800000000"}`, first)).code())
	}
	require.Empty(t, p.call("eleme.order.noMoreDeliveryLite", fmt.Sprintf(`{"orderId":%q}`, second)).code())
	b := p.sim.Books()
	require.Equal(t, "delivered", b.Orders[0].Final)
	require.Equal(t, "cancelled", b.Orders[1].Final)
	require.Empty(t, b.Violations)
	require.Equal(t, "BIZ_ORDER_NOT_FOUND", p.call("eleme.order.noMoreDeliveryLite", `{"orderId":"1"}`).code())
}

func TestPositions(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	locate := func(no, shop, place string) string {
		return p.call("eleme.order.selfDeliveryLocationSync", fmt.Sprintf(`{"shopId":%s,"orderId":%q,"locationInfo":%s}`, shop, no, place)).code()
	}
	const here = `{"latitude":30.28,"longitude":120.14,"altitude":0,"utc":1793600000}`
	require.Empty(t, locate(no, "720001", here))
	require.Empty(t, locate(no, `"qf-shop-0001"`, here))
	require.Equal(t, "VALIDATION_FAILED", locate(no, "720002", here))
	require.Equal(t, "VALIDATION_FAILED", locate(no, "720001", `{"latitude":30.28,"longitude":120.14}`))
	require.Equal(t, "VALIDATION_FAILED", locate(no, "720001", `{"latitude":120.14,"longitude":30.28,"utc":1}`), "swapped")
	require.Equal(t, "BIZ_ORDER_NOT_FOUND", locate("1", "720001", here))
	require.Equal(t, 2, p.sim.Books().Orders[0].Positions)
}

func TestReportBackRefused(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	require.Equal(t, "BIZ_ORDER_NOT_FOUND", p.tell("1", "DELIVERY_START", "李"))
	require.Equal(t, "VALIDATION_FAILED", p.tell(no, "DELIVERED", "李"))
	require.Len(t, p.sim.Books().Violations, 2)
	const action = "eleme.order.selfDeliveryStateSync"
	state := func(shop, order, distributor string) string {
		return p.call(action, fmt.Sprintf(`{"shopId":%s,"stateInfo":{"orderId":%s,"distributorId":%s,"state":"DELIVERY_START"}}`, shop, order, distributor)).code()
	}
	quoted := fmt.Sprintf("%q", no)
	require.Equal(t, "VALIDATION_FAILED", state("720001", `""`, "201"))
	require.Equal(t, "VALIDATION_FAILED", state("null", quoted, "201"))
	require.Equal(t, "VALIDATION_FAILED", state("720001", quoted, "1"))
	require.Empty(t, p.sim.Books().Orders[0].Told)
	require.Empty(t, state("720009", quoted, "201"))
	require.Contains(t, p.sim.Books().Orders[0].Violations[1].What, "720009")
	require.Equal(t, "METHOD_NOT_ALLOWED", p.call("eleme.order.eat", `{}`).code())
}

func TestWhoCalls(t *testing.T) {
	t.Parallel()
	const action, params = "eleme.order.getOrder", `{"orderId":"1"}`
	set := func(name, raw string) func(map[string]json.RawMessage) {
		return func(call map[string]json.RawMessage) { call[name] = json.RawMessage(raw) }
	}
	p := start(t, worldtest.Always(200, ok))
	for name, row := range map[string]struct{ body, code string }{
		"good":                 {body(action, "", params), "BIZ_ORDER_NOT_FOUND"},
		"any token":            {body(action, "x", params), "BIZ_ORDER_NOT_FOUND"},
		"blanks, as sent":      {body(action, "", `{"x": {"a": 1, "b": [1, 2]}, "orderId":"1"}`), "BIZ_ORDER_NOT_FOUND"},
		"blanks, signed tight": {body(action, "", `{"x":{"a":1},"orderId":"1"}`, set("params", `{"x": {"a": 1},"orderId":"1"}`)), "BIZ_ORDER_NOT_FOUND"},
		"other params":         {body(action, "", params, set("params", `{"orderId":"2"}`)), "INVALID_SIGNATURE"},
		"other action":         {body(action, "", params, set("action", `"eleme.order.noMoreDeliveryLite"`)), "INVALID_SIGNATURE"},
		"other token":          {body(action, "", params, set("token", `"x"`)), "INVALID_SIGNATURE"},
		"no signature":         {body(action, "", params, set("signature", `""`)), "VALIDATION_FAILED"},
		"no metas":             {body(action, "", params, set("metas", `{}`)), "VALIDATION_FAILED"},
		"stranger":             {body(action, "", params, set("metas", `{"app_key":"1","timestamp":1767225600}`)), "ACCESS_DENIED"},
		"pull with a token":    {body(pull, "x", `{"msgQueryRequest":{}}`), "VALIDATION_FAILED"},
		"no JSON":              {`hello`, "JSON_PARSE_ERROR"},
		"params as a list":     {body(action, "", params, set("params", `[]`)), "JSON_PARSE_ERROR"},
	} {
		require.Equal(t, row.code, p.post(row.body).code(), name)
	}
	stale := map[string]string{"app_key": `"22954133"`, "timestamp": "1767225600000", "orderId": `"1"`}
	require.Equal(t, "INVALID_TIMESTAMP", p.post(body(action, "", params, set("metas", `{"app_key":"22954133","timestamp":1767225600000}`),
		set("signature", fmt.Sprintf("%q", taobao.SignCall(action, "", stale, secret))))).code(), "milliseconds")
}

func TestToken(t *testing.T) {
	t.Parallel()
	p := startWith(t, worldtest.Always(200, ok), taobao.Credentials{AppID: "22954133", Secret: secret, Token: "tok"})
	require.Equal(t, "UNAUTHORIZED", p.post(body("eleme.order.getOrder", "", `{"orderId":"1"}`)).code())
	require.Equal(t, "BIZ_ORDER_NOT_FOUND", p.post(body("eleme.order.getOrder", "tok", `{"orderId":"1"}`)).code())
	require.Empty(t, p.post(body(pull, "", `{"msgQueryRequest":{}}`)).code())
}

func TestGetOrder(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	r := p.call("eleme.order.getOrder", fmt.Sprintf(`{"orderId":%q}`, no))
	require.Empty(t, r.code())
	env, _ := p.pushed(0)
	var message string
	require.NoError(t, json.Unmarshal(env["message"], &message))
	require.JSONEq(t, message, string(r.Result))
}

// A script lets one call about one order hang: with call_timeout it is carried out all the
// same, with call_hang it is not.
func TestCallFaults(t *testing.T) {
	t.Parallel()
	for fault, told := range map[string]int{world.CallHang: 0, world.CallTimeout: 1} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := start(t, worldtest.Always(200, ok))
			no := p.order(world.OrderRequest{})
			require.NoError(t, p.faults.Direct(world.Script{Party: "taobao", Order: no, Fault: fault, Detail: "report"}))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			ended := make(chan error)
			go func() {
				_, _, err := world.Post(ctx, http.DefaultClient, p.url+"/api/v1/", "application/json",
					[]byte(body("eleme.order.startDeliveryBySelf", "", fmt.Sprintf(`{"orderId":%q,"phone":"1"}`, no))))
				ended <- err
			}()
			require.Eventually(t, func() bool { return p.clock.Open("hanging-call") == 1 }, 5*time.Second, time.Millisecond)
			require.Len(t, p.sim.Books().Orders[0].Told, told)
			leave()
			require.Error(t, <-ended)
			require.Empty(t, p.tell(no, "DELIVERY_COMPLETE", "李四"), "the next call goes through")
		})
	}
}
