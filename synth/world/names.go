package world

import (
	"embed"
	"math/rand/v2"
	"strconv"
	"strings"
)

// The lists hold given names, invented surnames, towns, streets and firms, one to a line or one to a word.
//
//go:embed names
var nameFiles embed.FS

type nameLists struct {
	first, last, cities, countries, streets, companyFirst, companyLast []string
}

var names = readNames()

func readNames() nameLists {
	lines := func(name, sep string) []string {
		data, err := nameFiles.ReadFile("names/" + name + ".txt")
		if err != nil {
			panic(err) // embedded: wrong only when the build is
		}
		return strings.FieldsFunc(string(data), func(r rune) bool { return strings.ContainsRune(sep, r) })
	}
	return nameLists{first: lines("first", " \n"), last: lines("last", " \n"), cities: lines("cities", "\n"),
		countries: lines("countries", "\n"), streets: lines("streets", "\n"), companyFirst: lines("company_first", " \n"),
		companyLast: lines("company_last", "\n")}
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

func personName(r *rand.Rand) string { return pick(r, names.first) + " " + pick(r, names.last) }

func companyName(r *rand.Rand) string {
	return pick(r, names.companyFirst) + " " + pick(r, names.companyLast)
}

// phoneNumber uses the exchange 555-01xx, which is given to nobody.
func phoneNumber(r *rand.Rand) string {
	return "+1-" + strconv.Itoa(201+r.IntN(700)) + "-555-01" + string([]byte{'0' + byte(r.IntN(10)), '0' + byte(r.IntN(10))})
}

func address(r *rand.Rand) string {
	return strconv.Itoa(1+r.IntN(180)) + " " + pick(r, names.streets) + ", " + pick(r, names.cities)
}

// slug writes a name for an e-mail address or a URL.
func slug(name, sep string) string {
	var b strings.Builder
	for _, w := range strings.Fields(strings.ToLower(name)) {
		w = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, w)
		if w == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(w)
	}
	return b.String()
}
