package scenario

import (
	"bytes"
	"context"
	"fmt"
	"regexp"

	"github.com/chuandao/qianfan/local/sim/world"
)

// forgeries spoil what proves a callback's sender, by carrier: the signature, or where the
// carrier signs nothing the number of the client that it is meant for.
var forgeries = map[string]func(world.Callback) world.Callback{
	"uupt":     inBody(`"sign":"[^"]`),
	"fengniao": inBody(`"signature":"[^"]`),
	"dada":     inBody(`"signature":"[^"]`),
	"shansong": inBody(`"clientId":"[^"]`),
	"sftc":     inURL(`sign=.`),
}

// inBody changes the last byte of what a pattern finds in each body that is sent.
func inBody(pattern string) func(world.Callback) world.Callback {
	find := regexp.MustCompile(pattern)
	return func(c world.Callback) world.Callback {
		body := c.Body
		c.Body = func() []byte { return find.ReplaceAllFunc(body(), other) }
		return c
	}
}

func inURL(pattern string) func(world.Callback) world.Callback {
	find := regexp.MustCompile(pattern)
	return func(c world.Callback) world.Callback {
		c.URL = string(find.ReplaceAllFunc([]byte(c.URL), other))
		return c
	}
}

// other replaces the last byte by another one.
func other(found []byte) []byte {
	found = bytes.Clone(found)
	if last := &found[len(found)-1]; *last == 'x' {
		*last = 'y'
	} else {
		*last = 'x'
	}
	return found
}

func asIs(c world.Callback) world.Callback { return c }

func (s *CallbackStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		no, err := p.ours(ctx, s.Of)
		if err != nil {
			return err
		}
		fleet, err := p.fleet(string(s.Carrier))
		if err != nil {
			return err
		}
		var spoil func(world.Callback) world.Callback
		if s.Untrue {
			spoil = asIs
		}
		if s.Forged {
			if spoil = forgeries[string(s.Carrier)]; spoil == nil {
				return fmt.Errorf("nobody knows how to forge a callback of %s", s.Carrier)
			}
		}
		received, err := fleet.Tell(no, world.State(s.Tells), spoil)
		if err != nil {
			return err
		}
		if got := map[bool]Receipt{true: Received, false: TurnedAway}[received]; s.Answer != "" && got != s.Answer {
			return p.fail(at, "callback", string(s.Answer), string(got))
		}
		return p.rest(ctx)
	}
}
