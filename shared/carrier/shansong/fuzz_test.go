package shansong_test

import (
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
)

// FuzzAnswers gives every call whatever answer.
func FuzzAnswers(f *testing.F) {
	carriertest.FuzzAnswers(f, carriertest.Harness{
		New:   newDev,
		Place: carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Token: issNo, CarrierNo: issNo, Price: 1800},
		Ref:   carrier.Ref{OurNo: ourNo, CarrierNo: issNo},
		Want:  carriertest.Want{Facts: carrier.Facts{ConfirmReturn: true}, Placed: carrier.Placed{CarrierNo: issNo}},
		Extra: []string{"tip", "position"}, Refusals: refusals(),
	})
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) { carriertest.FuzzPushes(f, newDev, attacks) }
