package cli

import (
	"github.com/chuandao/qianfan/shared/store"
)

// auditCmd lists what was changed by hand.
type auditCmd struct {
	Subject string `help:"Only what concerns it: hangzhou-lunch; carrier/uupt; meituan/qf-shop-0001; uupt/main."`
	Limit   int    `default:"50" help:"The newest so many."`
}

// Help is the example.
func (auditCmd) Help() string {
	return "Examples:\n  qianfan audit\n  qianfan audit --subject carrier/uupt --json" + whereDatabase
}

// Run is the verb.
func (c auditCmd) Run(e *env) error {
	if c.Limit < 1 {
		return usage("--limit %d: want 1 or more", c.Limit)
	}
	return e.with(func(o *office) error {
		lines, err := o.Audit(e.ctx, store.AuditFilter{Subject: c.Subject, Limit: c.Limit})
		if err != nil {
			return err
		}
		return e.show(map[string]any{"audit": lines}, func() {
			e.table([]string{"AT", "BY", "DID", "TO", "DETAIL"}, rows(lines, func(x store.AuditRow) []string {
				return []string{moment(x.At), x.By, x.Verb, x.Subject, short(string(x.Detail))}
			}))
		})
	})
}

// short is text that fits beside other columns.
func short(text string) string {
	const most = 120
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
