package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// separators are what stands between the items and after the keys of JSON text.
type separators struct{ item, key string }

var (
	compact = separators{",", ":"}
	spaced  = separators{", ", ": "} // what Python's json.dumps and so the tojson filter writes unless told otherwise
)

// appendCanonical appends JSON text in the spelling that the tojson filter of chat templates gives
// (json.dumps with ensure_ascii=False): no whitespace but the separators, strings with as few escapes
// as the grammar allows. Order of keys, repeated keys and numbers stay as they are. Text that is no
// JSON is appended unchanged.
func appendCanonical(dst, raw []byte, sep separators) []byte {
	if !json.Valid(raw) {
		return append(dst, raw...)
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case ' ', '\t', '\n', '\r':
		case ',':
			dst = append(dst, sep.item...)
		case ':':
			dst = append(dst, sep.key...)
		case '"':
			end := stringEnd(raw, i)
			dst = appendLiteral(dst, raw[i:end])
			i = end - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// stringEnd is the index after the string literal that starts at i in valid JSON.
func stringEnd(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// appendLiteral appends a valid string literal with as few escapes as the grammar allows. Half of a surrogate
// pair has no UTF-8 and stays an escape.
func appendLiteral(dst, lit []byte) []byte {
	dst = append(dst, '"')
	for i := 1; i < len(lit)-1; i++ {
		if lit[i] != '\\' {
			dst = append(dst, lit[i])
			continue
		}
		i++
		switch lit[i] {
		case '/':
			dst = append(dst, '/')
		case 'u':
			r := hex4(lit[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				if i+6 < len(lit) && lit[i+1] == '\\' && lit[i+2] == 'u' {
					if pair := utf16.DecodeRune(r, hex4(lit[i+3:])); pair != utf8.RuneError {
						dst = utf8.AppendRune(dst, pair)
						i += 6
						continue
					}
				}
				dst = fmt.Appendf(dst, `\u%04x`, r)
				continue
			}
			dst = appendEscaped(dst, r)
		default:
			dst = append(dst, '\\', lit[i])
		}
	}
	return append(dst, '"')
}

// hex4 reads the four digits of a \u escape in valid JSON.
func hex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(n)
}

// appendEscaped appends a character inside a string literal.
func appendEscaped(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	if r < ' ' {
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	return utf8.AppendRune(dst, r)
}

// appendString appends s as a JSON string; bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		dst = appendEscaped(dst, r)
	}
	return append(dst, '"')
}

// appendRaw appends JSON text byte for byte where it stands on one line, and without its insignificant whitespace
// otherwise, since a line break would end a record of JSON Lines.
func appendRaw(dst, raw []byte) []byte {
	if bytes.ContainsAny(raw, "\r\n") {
		var b bytes.Buffer
		if json.Compact(&b, raw) == nil {
			return append(dst, b.Bytes()...)
		}
	}
	return append(dst, raw...)
}

// isObject reports whether raw is one JSON object.
func isObject(raw []byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == '{' && json.Valid(raw)
}

// isNull reports whether a field is absent or null.
func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }
