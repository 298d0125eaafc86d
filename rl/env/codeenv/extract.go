package codeenv

import "strings"

// answer is the code in a policy's turn.
type answer struct {
	code   string
	blocks int  // fenced blocks in the turn
	closed bool // the block that the code is from has an end
}

// extract takes the code from the last fenced block (``` or ~~~, as in CommonMark), or from the whole text where there is
// none. A block without an end reaches to the end of the text.
func extract(text string) answer {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var a answer
	var mark byte // of the block that is open, 0 outside
	var size int
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		m, n, rest := fence(line)
		switch {
		case mark == 0 && m != 0:
			a.blocks++
			a.closed = false
			mark, size, lines = m, n, nil
		case mark != 0 && m == mark && n >= size && rest == "":
			a.code, a.closed = strings.Join(lines, "\n"), true
			mark = 0
		case mark != 0:
			lines = append(lines, line)
		}
	}
	switch {
	case a.blocks == 0:
		a.code = strings.Trim(text, "\n")
	case mark != 0:
		a.code = strings.Join(lines, "\n")
	}
	return a
}

// fence reads a line that opens or ends a block: its mark, how many of them, and what follows. The mark is 0 elsewhere.
func fence(line string) (mark byte, n int, rest string) {
	body := strings.TrimLeft(line, " ")
	if len(line)-len(body) > 3 || body == "" || body[0] != '`' && body[0] != '~' {
		return 0, 0, ""
	}
	rest = strings.TrimLeft(body, body[:1])
	n = len(body) - len(rest)
	if n < 3 || body[0] == '`' && strings.Contains(rest, "`") {
		return 0, 0, ""
	}
	return body[0], n, strings.TrimSpace(rest)
}
