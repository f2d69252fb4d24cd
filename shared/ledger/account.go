// Package ledger is the double-entry books: accounts, transfers of several legs, and how
// settlement facts and every other event become entries. It is pure; the store keeps what it
// says, append-only and once per source and key. docs/ledger.md is its table of events.
package ledger

import "strings"

// Bank is our own money: where prepayments come from and platforms' payments go.
const Bank = "bank"

// Prepaid is our money with a carrier. The balance of every account is debit minus credit.
func Prepaid(carrier, account string) string {
	return "carrier:" + carrier + ":" + account + ":prepaid"
}

// Held is money promised to a carrier for attempts that are not over.
func Held(carrier, account string) string { return "carrier:" + carrier + ":" + account + ":held" }

// Clearing is money on its way to a carrier: sent, and not yet seen there.
func Clearing(carrier, account string) string {
	return "carrier:" + carrier + ":" + account + ":clearing"
}

// CarrierPayable is what a carrier's bill claims beyond what we booked; its other side stands
// in suspense until it is decided.
func CarrierPayable(carrier, account string) string {
	return "carrier:" + carrier + ":" + account + ":payable"
}

// DeliveryExpense is what deliveries cost.
func DeliveryExpense(carrier string) string { return "expense:delivery:" + carrier }

// TipExpense is what tips (小费) cost that made a rider come.
func TipExpense(carrier string) string { return "expense:tip:" + carrier }

// PenaltyExpense is 违约金 that a carrier keeps, by cause.
func PenaltyExpense(carrier, cause string) string { return "expense:penalty:" + carrier + ":" + cause }

// CompensationExpense is what we owe a platform for late or damaged deliveries.
func CompensationExpense(platform string) string { return "expense:compensation:" + platform }

// BadDebt is what a carrier or platform will never pay, written off with approval.
func BadDebt(party string) string { return "expense:bad_debt:" + party }

// DeliveryIncome is what platforms pay for deliveries.
func DeliveryIncome(platform string) string { return "income:delivery:" + platform }

// PenaltyIncome is 违约金 earned from platforms.
func PenaltyIncome(platform string) string { return "income:penalty:" + platform }

// CompensationIncome is what a carrier pays us for its fault (赔付).
func CompensationIncome(carrier string) string { return "income:compensation:" + carrier }

// Receivable is what a platform owes for deliveries.
func Receivable(platform string) string { return "platform:" + platform + ":receivable" }

// PenaltyReceivable is 违约金 that a platform owes.
func PenaltyReceivable(platform string) string { return "platform:" + platform + ":penalty_receivable" }

// PlatformPayable is compensation that we owe a platform; statements deduct it.
func PlatformPayable(platform string) string { return "platform:" + platform + ":payable" }

// Suspense is what is not yet decided with a carrier or platform. Every fen of it belongs to
// an open item with an owner.
func Suspense(party string) string { return "suspense:" + party }

// IsExpense and IsIncome tell the sides of the profit.
func IsExpense(account string) bool { return strings.HasPrefix(account, "expense:") }

// IsIncome reports whether the account is one of income.
func IsIncome(account string) bool { return strings.HasPrefix(account, "income:") }

// OfCarrier takes an account with a carrier apart: its carrier, our name of it, and prepaid,
// held, clearing or payable.
func OfCarrier(name string) (carrier, account, kind string, ok bool) {
	part := strings.Split(name, ":")
	if len(part) != 4 || part[0] != "carrier" {
		return "", "", "", false
	}
	return part[1], part[2], part[3], true
}

// shapes are the names of accounts; * stands for one word.
var shapes = [][]string{
	{"bank"},
	{"carrier", "*", "*", "prepaid"}, {"carrier", "*", "*", "held"}, {"carrier", "*", "*", "clearing"}, {"carrier", "*", "*", "payable"},
	{"platform", "*", "receivable"}, {"platform", "*", "penalty_receivable"}, {"platform", "*", "payable"},
	{"income", "delivery", "*"}, {"income", "penalty", "*"}, {"income", "compensation", "*"},
	{"expense", "delivery", "*"}, {"expense", "tip", "*"}, {"expense", "penalty", "*", "*"}, {"expense", "compensation", "*"}, {"expense", "bad_debt", "*"},
	{"suspense", "*"},
}

// Known reports whether a name is that of an account that the books may have.
func Known(account string) bool {
	words := strings.Split(account, ":")
	for _, shape := range shapes {
		if fits(shape, words) {
			return len(account) <= maxAccount
		}
	}
	return false
}

// maxAccount is what a name may take, in bytes.
const maxAccount = 96

func fits(shape, words []string) bool {
	if len(shape) != len(words) {
		return false
	}
	for i, want := range shape {
		if words[i] == "" || (want != "*" && want != words[i]) {
			return false
		}
	}
	return true
}
