package upstream

import "github.com/chuandao/qianfan/shared/strictjson"

// What a column takes of a text, in bytes.
const (
	MaxCode = 64   // a shop's code, a number for people
	MaxText = 2000 // a name, an address, a remark
)

// CheckLength refuses a text that no column would take.
func CheckLength(field, text string, most int) *Error {
	if len(text) > most {
		return Refuse(BadField, field, "longer than %d bytes", most)
	}
	return nil
}

// CheckJSON refuses a document that two readers may understand differently, or that only
// costs: see strictjson. whole names the document where no field of it is at fault.
func CheckJSON(whole string, raw []byte) *Error {
	fault := strictjson.Check(raw)
	if fault == nil {
		return nil
	}
	if fault.Name != "" && len(fault.Name) <= MaxCode {
		whole = fault.Name
	}
	return Refuse(Malformed, whole, "%s", fault.Why)
}
