package uupt_test

import (
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
)

// FuzzAnswers gives every call whatever answer.
func FuzzAnswers(f *testing.F) {
	carriertest.FuzzAnswers(f, carriertest.Harness{
		New:   newDev,
		Place: carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Token: "3f6a0c1e2b7d4f0a", Price: 900},
		Ref:   carrier.Ref{OurNo: ourNo, CarrierNo: uuNo},
		Want:  carriertest.Want{Placed: carrier.Placed{CarrierNo: uuNo}},
		Extra: []string{"tip", "position"}, Refusals: refusals(),
	})
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) { carriertest.FuzzPushes(f, newDev, attacks) }
