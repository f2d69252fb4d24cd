package live

import (
	"fmt"

	"github.com/chuandao/qianfan/shared/store"
)

// Switches is what is switched off at one moment. The zero value has everything on.
//
// A platform or city that is off takes no new order; what was accepted before is still
// carried. A carrier that is off, everywhere or in one city, gets no new attempt; what it
// has goes on.
type Switches struct {
	off map[[2]string]store.Switch // by kind and subject
}

// NewSwitches makes a view of switches; those that are on count for nothing.
func NewSwitches(all []store.Switch) Switches {
	s := Switches{off: map[[2]string]store.Switch{}}
	for _, x := range all {
		if x.Off {
			s.off[[2]string{x.Kind, x.Subject}] = x
		}
	}
	return s
}

// Off asks for a carrier, a platform and a city at once; what is empty is not asked for. The
// reason is for operators: "switched off: 暴雨 (by li)".
func (s Switches) Off(carrier, platform, city string) (reason string, off bool) {
	if reason, off := s.Carrier(carrier, city); off {
		return reason, true
	}
	return s.Order(platform, city)
}

// Carrier says whether new attempts of a carrier in a city are off.
func (s Switches) Carrier(carrier, city string) (reason string, off bool) {
	if x, ok := s.off[[2]string{store.SwitchCarrier, carrier}]; ok {
		return words("switched off", x), true
	}
	if x, ok := s.off[[2]string{store.SwitchCarrierCity, carrier + ":" + city}]; ok {
		return words("switched off in "+city, x), true
	}
	return "", false
}

// Order says whether new orders of a platform or in a city are refused. An empty city is one
// that is not known yet.
func (s Switches) Order(platform, city string) (reason string, off bool) {
	if x, ok := s.off[[2]string{store.SwitchPlatform, platform}]; ok {
		return words("platform "+platform+" is switched off", x), true
	}
	if x, ok := s.off[[2]string{store.SwitchCity, city}]; ok {
		return words("city "+city+" is switched off", x), true
	}
	return "", false
}

func words(what string, x store.Switch) string {
	return fmt.Sprintf("%s: %s (by %s)", what, x.Reason, x.By)
}
