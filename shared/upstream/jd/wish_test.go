package jd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/jd"
)

// A customer whose wish to cancel the carrier refused hears so, with a reason, before the
// order's state is told again; where nobody asked, 京东's own refusal is none of ours.
func TestAWishThatTheCarrierRefusesIsAnswered(t *testing.T) {
	t.Parallel()
	const decide, track, deliver = "ocs/orderCancelOperate", "ThirdPartyLogisticsService/receiveLogisticInfosForOpenApiPlatform", "bm/open/api/order/OrderSerllerDelivery"
	for name, row := range map[string]struct {
		answer string
		calls  []string
		told   bool
	}{
		"asked":        {`{"code":"0","msg":"操作成功","data":""}`, []string{decide, track, deliver}, true},
		"nobody asked": {`{"code":"-1","msg":"没有取消申请"}`, []string{decide, track, deliver}, true},
		"not heard":    {`{"code":"-10000","msg":"稍后再试"}`, []string{decide}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, said := make(chan string, 8), make(chan string, 8)
			a := ask(t, func(*jd.Config) {}, func(w http.ResponseWriter, r *http.Request) {
				path := strings.TrimPrefix(r.URL.Path, "/djapi/")
				calls <- path
				if path != decide {
					_, _ = io.WriteString(w, `{"code":"0","msg":"操作成功","data":""}`)
					return
				}
				said <- r.PostFormValue("jd_param_json")
				_, _ = io.WriteString(w, row.answer)
			})
			err := a.Report(t.Context(), upstream.Milestone{No: number, State: order.PickedUp, CancelRefused: true})
			require.Equal(t, row.told, err == nil, "%v", err)
			close(calls)
			var got []string
			for path := range calls {
				got = append(got, path)
			}
			require.Equal(t, row.calls, got)
			require.JSONEq(t, `{"orderId":"`+number+`","isAgreed":false,"operator":"qianfan","remark":"骑手已取货，无法取消"}`, <-said)
		})
	}
}
