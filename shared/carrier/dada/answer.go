package dada

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// answer reads an object of 达达's, whose amounts are 元 with decimals. Like
// carrier.Object it remembers its first fault.
type answer struct {
	*carrier.Object
	op    string
	fault error
}

// result is the object in `result`; what it reads counts as read by a.
func (a *answer) result() *answer { return &answer{Object: a.Object.Object("result"), op: a.op} }

// unread is the doubt about an answer that could not be read; nil if all of it could.
func (a *answer) unread() error {
	if err := errors.Join(a.Err(), a.fault); err != nil {
		return undecodable(a.op, err)
	}
	return nil
}

// signedYuan is an amount in 元, such as a balance; nil when it is not stated.
func (a *answer) signedYuan(name string) *money.Fen {
	text := a.Text(name)
	if text == "" {
		return nil
	}
	v, err := money.ParseYuan(text)
	if err != nil {
		a.fail("%s is not an amount in 元", name)
		return nil
	}
	return &v
}

// yuan is an amount in 元 that is not negative; nil when it is not stated.
func (a *answer) yuan(name string) *money.Fen {
	v := a.signedYuan(name)
	if v != nil && *v < 0 {
		a.fail("%s is negative", name)
		return nil
	}
	if v != nil && *v > carrier.MaxCost {
		a.fail("%s is absurd", name)
		return nil
	}
	return v
}

// metres is a distance, whose decimals are of no interest; 0 when it is absent.
func (a *answer) metres(name string) int {
	whole, _, _ := strings.Cut(a.Text(name), ".")
	if whole == "" {
		return 0
	}
	n, err := strconv.ParseInt(whole, 10, 32)
	if err != nil || n < 0 {
		a.fail("%s is not a distance", name)
		return 0
	}
	return int(n)
}

func (a *answer) fail(text, name string) {
	if a.fault == nil {
		a.fault = fmt.Errorf(text, name)
	}
}
