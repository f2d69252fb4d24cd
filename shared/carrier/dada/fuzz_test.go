package dada_test

import (
	"testing"

	"github.com/chuandao/qianfan/shared/carrier/carriertest"
)

// FuzzAnswers gives every call whatever answer.
func FuzzAnswers(f *testing.F) { carriertest.FuzzAnswers(f, harness()) }
