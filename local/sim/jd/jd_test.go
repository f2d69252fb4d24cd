package jd_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

func TestSignatureVector(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2A92A24BC0C7A16F80E65A2E3520FFFE", jd.Sign(map[string]string{
		"app_key": "yourappkey", "format": "json", "timestamp": "2015-10-16 13:23:30", "token": "yourtoken", "v": "1.0",
		"jd_param_json": `{"billId":"10003129","statusId":"33060","timestamp":"2015-10-16 13:23:30"}`, "sign": "not signed",
	}, "yourappSecret"), "#6")
}

func TestNewOrderIsThin(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	n, err := strconv.ParseInt(no, 10, 64)
	require.NoError(t, err)
	require.Greater(t, n, int64(1)<<53)
	name, content := p.push(0)
	require.Equal(t, "/upstream/jd/djsw/newOrder", name)
	require.Equal(t, map[string]string{"billId": no, "statusId": "32000", "timestamp": "2026-03-04 09:00:00"}, content, "virtual time")
}

type page struct {
	TotalCount int
	ResultList []struct {
		OrderID              json.Number `json:"orderId"`
		OrderStatus          int
		OrderStartTime       string
		WindowStart          string `json:"orderPreStartDeliveryTime"`
		WindowEnd            string `json:"orderPreEndDeliveryTime"`
		BuyerFullName        string
		BuyerFullAddress     string
		BuyerMobile          string
		DeliveryStationNoIsv string
		DeliveryType         int
		Weight               json.Number `json:"deliveryPackageWeight"`
		OrderTotalMoney      int64
		OrderExtend          struct {
			BuyerLng, BuyerLat json.Number
			BuyerCoordType     int
		}
		OrderProductList []struct {
			SkuJdPrice int64
		}
	}
}

func (p *party) pull(no string) page {
	p.t.Helper()
	r := p.ask(query, `{"orderId":"`+no+`","pageNo":"1","pageSize":"1"}`, nil)
	require.Equal(p.t, [2]string{"0", "0"}, [2]string{r.Outer, r.Inner}, r.Msg)
	var got page
	require.NoError(p.t, json.Unmarshal(r.Result, &got))
	return got
}

func TestDetail(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	later := begin.Add(3 * time.Hour)
	home := world.Point{Lng: 120.2, Lat: 30.3}
	no := p.order(world.OrderRequest{Shop: "qf-shop-0001", Dropoff: &home, Value: 2551, Expected: &later})
	all := p.pull(no)
	require.Equal(t, 1, all.TotalCount)
	d := all.ResultList[0]
	require.Equal(t, no, d.OrderID.String())
	require.Equal(t, 32000, d.OrderStatus)
	require.Equal(t, [3]string{"2026-03-04 09:00:00", "2026-03-04 11:30:00", "2026-03-04 12:00:00"}, [3]string{d.OrderStartTime, d.WindowStart, d.WindowEnd})
	require.Regexp(t, `^1\d{10},\d{4}$`, d.BuyerMobile)
	require.Contains(t, d.BuyerFullAddress, "杭州市")
	require.NotEmpty(t, d.BuyerFullName)
	require.Equal(t, "qf-shop-0001", d.DeliveryStationNoIsv)
	require.Equal(t, [2]string{"120.200000", "30.300000"}, [2]string{d.OrderExtend.BuyerLng.String(), d.OrderExtend.BuyerLat.String()})
	require.Equal(t, 2, d.OrderExtend.BuyerCoordType)
	require.Regexp(t, `^\d\.\d{3}$`, d.Weight.String())
	require.EqualValues(t, 2551, d.OrderTotalMoney)
	var sum int64
	for _, x := range d.OrderProductList {
		sum += x.SkuJdPrice
	}
	require.EqualValues(t, 2551, sum)
	require.Equal(t, 1, p.book().Pulls)
	require.Zero(t, p.pull("1").TotalCount, "no such order is an empty page")
	_, _, err := p.sim.Order(t.Context(), world.OrderRequest{Shop: "nowhere"})
	require.ErrorIs(t, err, jd.ErrOrder)

	soon := start(t, worldtest.Always(200, ok))
	now := soon.pull(soon.order(world.OrderRequest{})).ResultList[0]
	require.Equal(t, [2]string{"2026-03-04 09:00:00", "2026-03-04 09:45:00"}, [2]string{now.WindowStart, now.WindowEnd})
	twin := start(t, worldtest.Always(200, ok))
	same := twin.pull(twin.order(world.OrderRequest{})).ResultList[0]
	require.Equal(t, now, same, "drawn from the seed")
}

func TestPushIsRepeatedUntilAnswered(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ worldtest.Letter, before int) (int, string) {
		switch before {
		case 0:
			return 500, ok
		case 1:
			return 200, again
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
	_, first := p.push(0)
	_, third := p.push(2)
	require.Equal(t, first, third, "the same content")
	b := p.book()
	require.Equal(t, []string{"status 500", "send again", "ok"}, []string{b.Pushes[0].Outcome, b.Pushes[1].Outcome, b.Pushes[2].Outcome})
	require.Equal(t, jd.AnswerOK, b.Answer)
}

func TestPushIsGivenUpAfterFourHours(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, again))
	result := make(chan error)
	go func() {
		_, _, err := p.sim.Order(context.Background(), world.OrderRequest{})
		result <- err
	}()
	for waiting := true; waiting; {
		select {
		case err := <-result:
			require.ErrorIs(t, err, jd.ErrUnanswered)
			waiting = false
		default:
			p.clock.Advance(time.Minute)
		}
	}
	b := p.book()
	require.Equal(t, "gave_up", b.Final)
	for i := range len(b.Pushes) - 1 {
		gap := b.Pushes[i+1].At.Sub(b.Pushes[i].At)
		require.LessOrEqual(t, gap, 5*time.Minute)
	}
	took := b.Pushes[len(b.Pushes)-1].At.Sub(b.Pushes[0].At)
	require.True(t, took > 3*time.Hour+50*time.Minute && took <= 4*time.Hour, "%v", took)
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
	require.ErrorIs(t, <-result, jd.ErrUnanswered)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{refused, "success", `{"code":"7"}`} {
		p := start(t, worldtest.Always(200, body))
		_, accepted, err := p.sim.Order(t.Context(), world.OrderRequest{})
		require.NoError(t, err)
		require.False(t, accepted)
		require.Len(t, p.inbox.Letters(), 1)
		require.Equal(t, "refused", p.book().Final)
		require.Contains(t, p.book().Pushes[0].Outcome, body)
	}
}

// letters waits until so many have come: the platform tells of its own moves by itself.
func (p *party) letters(n int) {
	p.t.Helper()
	p.clock.Settle()
	require.Len(p.t, p.inbox.Letters(), n)
}

func TestCustomerAsksToCancel(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	accepted, err := p.sim.Cancel(t.Context(), no, "不想要了")
	require.NoError(t, err)
	require.True(t, accepted)
	name, content := p.push(1)
	require.Equal(t, "/upstream/jd/djsw/applyCancelOrder", name)
	require.Equal(t, "不想要了", content["remark"])
	require.Equal(t, "32000", content["statusId"])
	require.Empty(t, p.book().Final, "a wish only")
	_, err = p.sim.Cancel(t.Context(), no, "again")
	require.ErrorIs(t, err, jd.ErrOrder)
	_, err = p.sim.Cancel(t.Context(), "1", "unknown")
	require.ErrorIs(t, err, jd.ErrOrder)

	p.does("10005", decide, no, ``)
	p.does("10005", decide, no, `,"isAgreed":false`)
	p.does("0", decide, no, `,"isAgreed":true`)
	p.letters(3)
	name, content = p.push(2)
	require.Equal(t, "/upstream/jd/djsw/userCancelOrder", name)
	require.Equal(t, "20020", content["statusId"])
	b := p.book()
	require.Equal(t, "cancelled", b.Final)
	require.True(t, *b.Cancel.Agreed)
	require.Equal(t, jd.AnswerOK, b.Cancel.Answer)
	p.does("30003", decide, no, `,"isAgreed":true`)
	require.Empty(t, p.book().Violations)
	require.Equal(t, 20020, p.pull(no).ResultList[0].OrderStatus)
}

func TestWishIsRefused(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	_, err := p.sim.Cancel(t.Context(), no, "不想要了")
	require.NoError(t, err)
	p.does("0", decide, no, `,"isAgreed":false,"remark":"已取货"`)
	p.letters(2)
	require.False(t, *p.book().Cancel.Agreed)
	p.does("0", deliver, no, ``)
	p.does("0", finish, no, ``)
	require.Equal(t, "delivered", p.book().Final)
}

// Before the order has been accepted the customer cancels it there and then.
func TestCancelledBeforeAcceptance(t *testing.T) {
	t.Parallel()
	p := start(t, func(l worldtest.Letter, _ int) (int, string) {
		if strings.HasSuffix(l.Path, "/newOrder") {
			return 502, ""
		}
		return 200, ok
	})
	no, _, err := p.sim.Begin(world.OrderRequest{})
	require.NoError(t, err)
	p.letters(1)
	accepted, err := p.sim.Cancel(t.Context(), no, "")
	require.NoError(t, err)
	require.True(t, accepted)
	name, content := p.push(1)
	require.Equal(t, "/upstream/jd/djsw/userCancelOrder", name)
	require.Equal(t, "20020", content["statusId"])
	require.Equal(t, jd.Cancelled, p.book().Status)
}

func TestReportBackInOrder(t *testing.T) {
	t.Parallel()
	p := startWith(t, worldtest.Always(200, ok), func(o *jd.Options) { o.Notices = true })
	var stages []world.Stage
	p.sim.OnTold(func(key, _ string, stage world.Stage) {
		require.Equal(t, "k1", key)
		stages = append(stages, stage)
	})
	no := p.order(world.OrderRequest{Key: "k1"})
	p.tracks(no, "10", "")
	p.tracks(no, "20", "李四")
	p.tracks(no, "20", "李四")
	p.tracks(no, "22", "李四")
	p.tracks(no, "30", "李四")
	p.does("30002", finish, no, ``)
	p.does("0", deliver, no, `,"operator":"x"`)
	p.does("30002", deliver, no, ``)
	p.does("0", finish, no, `,"operPin":"x","operTime":"2026-03-04 09:30:00"`)
	p.letters(3)
	b := p.book()
	require.Empty(t, b.Violations)
	require.Equal(t, "delivered", b.Final)
	require.True(t, b.Told[2].Repeat)
	require.True(t, b.Told[5].Refused, "not picked up yet")
	require.True(t, b.Told[7].Refused && b.Told[7].Repeat)
	require.Equal(t, "李四", b.Told[8].RiderName)
	require.Equal(t, []world.Stage{
		world.StageDispatched, world.StageAccepted, world.StageAccepted, world.StageArrived, world.StagePickedUp, world.StagePickedUp, world.StageDelivered,
	}, stages)
	for n, want := range []string{"newOrder", "deliveryOrder", "finishOrder"} {
		name, _ := p.push(n)
		require.Equal(t, jd.PushPath+want, name)
	}
}

func TestReportBackOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		told       []string // status/rider, or a path and the code it gets
		violations int
		final      string
	}{
		"another rider":         {[]string{"20/李", "22/李", "20/王", "30/王"}, 0, ""},
		"nobody, then another":  {[]string{"20/李", "10/", "20/王"}, 0, ""},
		"unnamed, then another": {[]string{"22/", "10/", "20/王"}, 0, ""},
		"backwards, same rider": {[]string{"20/李", "30/李", "22/李"}, 1, ""},
		"after delivery":        {[]string{"20/李", deliver + "=0", finish + "=0", "22/李"}, 1, "delivered"},
		"delivered twice":       {[]string{deliver + "=0", finish + "=0", finish + "=30002"}, 0, "delivered"},
		"refunded":              {[]string{"20/李", refund + "=0"}, 0, "cancelled"},
		"refunded, delivered":   {[]string{refund + "=0", refund + "=30002", finish + "=30002"}, 1, "cancelled"},
		"returned":              {[]string{deliver + "=0", receive + "=0", receive + "=30002"}, 0, "cancelled"},
		"delivered, returned":   {[]string{deliver + "=0", finish + "=0", receive + "=30002"}, 1, "delivered"},
		"delivered, refunded":   {[]string{deliver + "=0", finish + "=0", refund + "=30002"}, 1, "delivered"},
		"agreed to nothing":     {[]string{decide + "=30003"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, worldtest.Always(200, ok))
			no := p.order(world.OrderRequest{})
			for _, told := range row.told {
				if path, code, moves := strings.Cut(told, "="); moves {
					p.does(code, path, no, `,"isAgreed":true`)
					continue
				}
				status, rider, _ := strings.Cut(told, "/")
				p.tracks(no, status, rider)
			}
			p.clock.Settle()
			b := p.sim.Books()
			require.Len(t, b.Violations, row.violations, "%v", b.Violations)
			require.Equal(t, row.final, b.Orders[0].Final)
			require.Equal(t, row.final == "delivered", b.Orders[0].Owes != 0, "a delivery is owed, and nothing else")
		})
	}
}

func TestReportBackRefused(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	p.does("30001", finish, "1", ``)
	p.does("30004", track, no, `,"deliveryStatus":"11"`)
	require.Len(t, p.sim.Books().Violations, 2)
	content := `{"orderId":"` + no + `"}`
	for name, row := range map[string]struct {
		path, content string
		change        map[string]string
		code          string
	}{
		"forged":             {finish, content, map[string]string{"sign": strings.Repeat("0", 32)}, "10014"},
		"unknown app":        {finish, content, map[string]string{"app_key": "x"}, "10011"},
		"unknown token":      {finish, content, map[string]string{"token": "x"}, "10013"},
		"too old":            {finish, content, map[string]string{"timestamp": "2026-01-01 07:53:59"}, "10015"},
		"too early":          {finish, content, map[string]string{"timestamp": "2026-01-01 08:06:01"}, "10015"},
		"no time":            {finish, content, map[string]string{"timestamp": "1767225600"}, "10015"},
		"nothing to do":      {finish, "", nil, "10005"},
		"no such call":       {"no/such/call", content, nil, "10018"},
		"content is no JSON": {finish, "x", nil, "10005"},
	} {
		r := p.ask(row.path, row.content, row.change)
		require.Equal(t, row.code, r.Outer, name)
	}
	require.Equal(t, "0", p.ask(track, `{"orderId":`+no+`,"deliveryStatus":20}`, map[string]string{"timestamp": "2026-01-01 07:54:00"}).Inner, "six minutes, and ids as numbers")
	require.Len(t, p.book().Told, 1)
}

// A client that gives up on a hanging call finds the call done or not, as the script says.
func TestScriptedFaults(t *testing.T) {
	t.Parallel()
	for fault, done := range map[string]int{world.CallTimeout: 1, world.CallHang: 0} {
		p := start(t, worldtest.Always(200, ok))
		no := p.order(world.OrderRequest{})
		require.NoError(t, p.faults.Direct(world.Script{Party: jd.Name, Fault: fault, Detail: "report"}))
		params := map[string]string{
			"app_key": "jd-test-app", "token": "jd-test-token", "format": "json", "v": "1.0", "timestamp": "2026-01-01 08:00:00",
			"jd_param_json": `{"orderId":"` + no + `"}`,
		}
		form := url.Values{"sign": {jd.Sign(params, jd.Development.Secret)}}
		for k, v := range params {
			form.Set(k, v)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, _, err := world.Post(ctx, http.DefaultClient, p.url+"/djapi/"+refund, "application/x-www-form-urlencoded", []byte(form.Encode()))
			ended <- err
		}()
		require.Eventually(t, func() bool { return p.clock.Open("hanging-call") == 1 }, 5*time.Second, time.Millisecond)
		require.Len(t, p.book().Told, done)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}
