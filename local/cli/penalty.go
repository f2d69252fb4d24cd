package cli

// penaltyCmd looks at the penalty rules (违约金) of both sides and changes them.
type penaltyCmd struct {
	List    penaltyList    `cmd:"" default:"1" help:"Every version of the rules: from when on, and which is in force."`
	Show    penaltyShow    `cmd:"" help:"A version of the rules, as a file for set."`
	Set     penaltySet     `cmd:"" help:"Make a file (YAML or JSON) the next version, from an instant on."`
	Diff    penaltyDiff    `cmd:"" help:"Compare two versions, or a version and a file."`
	Explain penaltyExplain `cmd:"" help:"Why an order's cancel, or an attempt, cost what it did."`
}

// Help is the example.
func (penaltyCmd) Help() string {
	return "What carriers charge for what we withdraw, what they owe for what they drop, and what platforms owe for their cancels. The first rule that matches decides.\n\n" +
		"Examples:\n  qianfan penalty show > penalty.yaml\n  qianfan penalty set penalty.yaml --from 2026-12-01 --note 新合同\n  qianfan penalty explain 20123456789012345" + whereDatabase
}

type penaltyList struct{}

// Help is the example.
func (penaltyList) Help() string { return "Example:\n  qianfan penalty list" + whereDatabase }

// Run is the verb.
func (penaltyList) Run(e *env) error { return penalties.list(e) }

type penaltyShow struct {
	Version string `arg:"" optional:"" default:"now" help:"Its number; 0 is the one that is built in; now by default."`
}

// Help is the example.
func (penaltyShow) Help() string {
	return "Examples:\n  qianfan penalty show > penalty.yaml\n  qianfan penalty show 3" + whereDatabase
}

// Run is the verb.
func (c penaltyShow) Run(e *env) error { return penalties.show(e, c.Version) }

type penaltySet struct{ bookSet }

// Help is the example.
func (penaltySet) Help() string {
	return "Examples:\n  qianfan penalty set penalty.yaml --dry-run\n  qianfan penalty set penalty.yaml --from 2026-12-01 --by li --note 新合同" + afterSet +
		" Rules that nothing reaches and cases that no rule decides are mistakes, too." + whereDatabase
}

// Run is the verb.
func (c penaltySet) Run(e *env) error { return c.set(e, penalties) }

type penaltyDiff struct {
	Before string `arg:"" help:"A version, now, or a file."`
	After  string `arg:"" help:"A version, now, or a file."`
}

// Help is the example.
func (penaltyDiff) Help() string {
	return "Examples:\n  qianfan penalty diff 0 2\n  qianfan penalty diff now penalty.yaml" + whereDatabase
}

// Run is the verb.
func (c penaltyDiff) Run(e *env) error { return penalties.diff(e, c.Before, c.After) }
