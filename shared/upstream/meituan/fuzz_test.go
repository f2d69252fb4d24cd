package meituan_test

import (
	"testing"

	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

// FuzzReports gives every report whatever answer.
func FuzzReports(f *testing.F) {
	upstreamtest.FuzzReports(f, upstreamtest.Harness{Name: "meituan", New: newDev, Reports: reports()})
}

// FuzzPushes puts whatever value into a push.
func FuzzPushes(f *testing.F) {
	upstreamtest.FuzzPushes(f, upstreamtest.Harness{Name: "meituan", New: newDev, Reports: reports(), Attacks: attacks()})
}
