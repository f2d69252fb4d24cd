package scenario

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/chuandao/qianfan/shared/strategy"
)

// What people do goes through the control API, as it does when they do it.

func (s *OperatorStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		no, err := p.ours(ctx, s.Order)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("scenario-%d", at)
		args := map[string]any{}
		if s.Carrier != "" {
			args["carrier"] = s.Carrier
		}
		if s.Add != 0 {
			args["add_fen"] = s.Add
		}
		status, answer, err := p.console(ctx, http.MethodPost, "/api/orders/"+no+"/commands",
			map[string]any{"kind": s.Command, "args": args, "by": s.By, "reason": s.Reason, "key": key})
		if err != nil {
			return err
		}
		want := cmp.Or(s.Decision, Applied)
		if status >= http.StatusBadRequest { // said at once
			if want == Declined {
				return nil
			}
			return p.fail(at, "operator", string(want), fmt.Sprintf("%d %s", status, answer))
		}
		if err := p.rest(ctx); err != nil {
			return err
		}
		v, _, err := p.view(ctx, p.orders[s.Order])
		if err != nil {
			return err
		}
		for _, c := range v.Commands {
			if c.Key == key && resolution(c.Applied, c.Decision) == want {
				return nil
			}
		}
		return p.fail(at, "operator", string(want), fmt.Sprintf("%+v", v.Commands))
	}
}

func (s *SwitchStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		status, answer, err := p.console(ctx, http.MethodPost, "/api/switches",
			map[string]any{"kind": s.Kind, "subject": s.Subject, "off": s.Off, "reason": s.Reason, "by": s.By})
		if err == nil && status >= http.StatusBadRequest {
			return p.fail(at, "switch", "done", fmt.Sprintf("%d %s", status, answer))
		}
		if err != nil {
			return err
		}
		return live(ctx)
	}
}

func (p *Plan) do(on *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		status, answer, err := on.console(ctx, http.MethodPut, "/api/strategies/"+url.PathEscape(p.Name)+"?by=scenario", (*strategy.Strategy)(p))
		if err == nil && status >= http.StatusBadRequest {
			return on.fail(at, "strategy", "done", fmt.Sprintf("%d %s", status, answer))
		}
		if err != nil {
			return err
		}
		return live(ctx)
	}
}

func (s *DepositStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		return errors.Join(p.e.Deposit(ctx, s.To, fmt.Sprintf("scenario-%d", at), s.Add), p.rest(ctx), live(ctx))
	}
}

// console makes one call of the control API.
func (p *play) console(ctx context.Context, method, path string, body any) (int, []byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.e.URLs["console"]+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, answer, err
}
