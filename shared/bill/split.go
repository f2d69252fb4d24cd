package bill

import "strings"

// split cuts a row into its fields, into the memory of list. A field in quotation marks may hold
// the comma, and a quotation mark as two; it ends on its own row, so that one stray mark cannot
// swallow the rest of a file. False: a mark that does not open or close a field.
func split(row string, comma byte, list []string) ([]string, bool) {
	list = list[:0]
	if strings.IndexByte(row, '"') >= 0 {
		return splitQuoted(row, comma, list)
	}
	for {
		i := strings.IndexByte(row, comma)
		if i < 0 {
			return append(list, row), true
		}
		list, row = append(list, row[:i]), row[i+1:]
	}
}

func splitQuoted(row string, comma byte, list []string) ([]string, bool) {
	for {
		field, rest, ok := plain(row, comma)
		if strings.HasPrefix(row, `"`) {
			field, rest, ok = quoted(row[1:])
		}
		if !ok {
			return list, false
		}
		list = append(list, field)
		if rest == "" {
			return list, true
		}
		if rest[0] != comma {
			return list, false
		}
		row = rest[1:]
	}
}

// plain is a field up to the next comma, which rest begins with.
func plain(row string, comma byte) (field, rest string, ok bool) {
	field = row
	if i := strings.IndexByte(row, comma); i >= 0 {
		field, rest = row[:i], row[i:]
	}
	return field, rest, strings.IndexByte(field, '"') < 0
}

// quoted is a field up to its closing mark, behind which rest begins.
func quoted(row string) (field, rest string, ok bool) {
	end := 0
	for {
		i := strings.IndexByte(row[end:], '"')
		if i < 0 {
			return "", "", false
		}
		end += i
		if !strings.HasPrefix(row[end:], `""`) {
			return strings.ReplaceAll(row[:end], `""`, `"`), row[end+1:], true
		}
		end += len(`""`)
	}
}
