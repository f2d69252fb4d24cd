package emulator

import (
	"net/http"

	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// simulated are the platforms that customers can order from.
var simulated = []string{jd.Name, meituan.Name, taobao.Name}

// platform is a simulated platform as the emulator sees it.
type platform struct {
	world.Platform
	handler http.Handler
	books   func() any
	tally   func() platformTally
	owed    func() []owedOrder
	close   func()
}

// owedOrder is what a platform's own books say of the money for one order.
type owedOrder struct {
	no, final string
	owes      money.Fen // for the delivery
	cancelled bool      // by the customer
}

// platformTally counts what a platform pushed, the answers, what nobody has answered yet and
// will be pulled, and the reports that it was told.
type platformTally struct{ pushed, accepted, refused, missed, told int }

func (t platformTally) plus(o platformTally) platformTally {
	return platformTally{t.pushed + o.pushed, t.accepted + o.accepted, t.refused + o.refused, t.missed + o.missed, t.told + o.told}
}

// add counts one order.
func (t *platformTally) add(accepted, refused bool, told int) {
	t.pushed++
	t.told += told
	if accepted {
		t.accepted++
	}
	if refused {
		t.refused++
	}
}

func jdPlatform(s *jd.Service) platform {
	return platform{Platform: s, handler: s.Handler(), books: func() any { return s.Books() }, close: s.Close, tally: func() (t platformTally) {
		for _, o := range s.Books().Orders {
			t.add(o.Answer == jd.AnswerOK, o.Answer == jd.Refused, len(o.Told))
		}
		return t
	}, owed: func() (all []owedOrder) {
		for _, o := range s.Books().Orders {
			all = append(all, owedOrder{o.No, o.Final, o.Owes, o.Cancel != nil})
		}
		return all
	}}
}

func meituanPlatform(s *meituan.Service) platform {
	return platform{Platform: s, handler: s.Handler(), books: func() any { return s.Books() }, close: s.Close, tally: func() (t platformTally) {
		for _, o := range s.Books().Orders {
			t.add(o.Answer == meituan.AnswerOK, o.Answer == meituan.Refused, len(o.Told))
		}
		return t
	}, owed: func() (all []owedOrder) {
		for _, o := range s.Books().Orders {
			all = append(all, owedOrder{o.No, o.Final, o.Owes, o.Cancel != nil})
		}
		return all
	}}
}

func taobaoPlatform(s *taobao.Service) platform {
	return platform{Platform: s, handler: s.Handler(), books: func() any { return s.Books() }, close: s.Close, tally: func() (t platformTally) {
		b := s.Books()
		t.missed = b.Missed
		for _, o := range b.Orders {
			t.add(o.Answer == taobao.AnswerOK, o.Answer == taobao.Refused, len(o.Told))
		}
		return t
	}, owed: func() (all []owedOrder) {
		for _, o := range s.Books().Orders {
			all = append(all, owedOrder{o.No, o.Final, o.Owes, o.Cancel != nil})
		}
		return all
	}}
}

// platformTally adds up all platforms, whoever ordered there.
func (e *Emulator) platformTally() platformTally {
	var all platformTally
	for _, x := range e.parties.Platforms {
		all = all.plus(x.tally())
	}
	return all
}

// missedPushes is how many pushes wait to be pulled.
func (e *Emulator) missedPushes() int { return e.parties.Taobao.Missed() }
