package script

import (
	"slices"

	"go.starlark.net/syntax"
)

// findUses lists what calls of the world name literally, so that misspelt names are found before a program runs.
func findUses(body []syntax.Stmt) []Use {
	var out []Use
	for _, s := range body {
		syntax.Walk(s, func(n syntax.Node) bool {
			c, ok := n.(*syntax.CallExpr)
			if !ok {
				return true
			}
			id, ok := c.Fn.(*syntax.Ident)
			if !ok || len(c.Args) == 0 || (!slices.Contains(Reads, id.Name) && !slices.Contains(Writes, id.Name)) {
				return true
			}
			entity, ok := literal(c.Args[0])
			if !ok {
				return true
			}
			u := Use{Func: id.Name, Entity: entity, Line: int(id.NamePos.Line)}
			for _, a := range c.Args[1:] {
				switch a := a.(type) {
				case *syntax.BinaryExpr:
					if name, ok := a.X.(*syntax.Ident); ok && a.Op == syntax.EQ && id.Name == "find" {
						u.Fields = append(u.Fields, name.Name)
					}
				case *syntax.DictExpr:
					if id.Name != "insert" && id.Name != "update" {
						continue
					}
					for _, e := range a.List {
						if k, ok := literal(e.(*syntax.DictEntry).Key); ok {
							u.Fields = append(u.Fields, k)
						}
					}
				}
			}
			out = append(out, u)
			return true
		})
	}
	return out
}

// literal gives the value of a literal text.
func literal(e syntax.Expr) (string, bool) {
	l, ok := e.(*syntax.Literal)
	if !ok || l.Token != syntax.STRING {
		return "", false
	}
	s, ok := l.Value.(string)
	return s, ok
}
