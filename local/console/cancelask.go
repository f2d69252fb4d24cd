package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// askTimeout bounds one carrier's answer, in system time: somebody waits for it.
const askTimeout = 3 * time.Second

// feeAnswer is a carrier's answer to what a cancel would cost now.
type feeAnswer struct {
	fee money.Fen
	err error // why there is none
}

// askCancelCost asks the carriers of all live attempts at once, by attempt. Nothing is changed,
// here or there.
func (s *server) askCancelCost(ctx context.Context, v store.OrderView) map[int]feeAnswer {
	set, err := s.adapters()
	stores, err2 := s.storesOf(ctx, v)
	live := make([]feeAnswer, len(v.Attempts))
	var g errgroup.Group
	for i, a := range v.Attempts {
		switch {
		case order.AttemptState(a.State).Final():
		case err != nil:
			live[i].err = err
		case err2 != nil && a.CarrierNo == "": // another shop's waybill may have our number
			live[i].err = fmt.Errorf("the shop cannot be read: %w", err2)
		default:
			g.Go(func() error {
				live[i] = askOne(ctx, set, a, stores[a.Carrier])
				return nil
			})
		}
	}
	_ = g.Wait() // each keeps its own error
	out := map[int]feeAnswer{}
	for i, a := range v.Attempts {
		out[a.N] = live[i]
	}
	return out
}

func askOne(ctx context.Context, set carrier.Set, a store.AttemptView, shop string) feeAnswer {
	if a.State == string(order.Intent) {
		return feeAnswer{err: errors.New("it is being placed")}
	}
	adapter, ok := set.Adapter(a.Carrier, a.Account)
	if !ok {
		return feeAnswer{err: fmt.Errorf("nobody has the keys of %s/%s: they belong into %s", a.Carrier, a.Account, carriers.Variable(a.Carrier))}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	fee, err := adapter.CancelFee(ctx, carrier.Ref{OurNo: a.OurNo, CarrierNo: a.CarrierNo, Store: shop})
	return feeAnswer{fee, err}
}

func (s *server) adapters() (carrier.Set, error) {
	if s.Adapters == nil {
		return nil, errors.New("no carrier can be asked from here")
	}
	return s.Adapters()
}

// storesOf are the shop's own numbers at the carriers, by carrier.
func (s *server) storesOf(ctx context.Context, v store.OrderView) (map[string]string, error) {
	if v.Order.ShopCode == "" {
		return nil, nil
	}
	shops, err := s.Store.Shops(ctx, []store.ShopKey{{Platform: v.Order.Platform, Code: v.Order.ShopCode}})
	if err != nil || len(shops) == 0 {
		return nil, err
	}
	return shops[0].Stores, nil
}
