package answer

import (
	"maps"
	"math/big"
	"slices"
	"strings"
)

// unit is a unit of measurement or what is counted. The zero value is none.
type unit struct {
	name   string   // as it is compared where the dimension is not known
	dim    string   // such as "length+ time- "; empty for what is only a word
	factor *big.Rat // how many of the dimension's base unit it is
}

// known are the units with a dimension: what follows the name is the dimension and the factor.
var known = func() map[string]unit {
	m := map[string]unit{}
	for _, line := range strings.Split(strings.TrimSpace(knownUnits), "\n") {
		f := strings.Fields(line)
		factor, _ := new(big.Rat).SetString(f[1])
		for _, name := range f[2:] {
			m[name] = unit{name: name, dim: f[0], factor: factor}
		}
	}
	return m
}()

const knownUnits = `
length 1 m meter meters metre metres
length 1000 km kilometer kilometers kilometre kilometres
length 1/100 cm centimeter centimeters centimetre centimetres
length 1/1000 mm millimeter millimeters millimetre millimetres
length 127/5000 in inch inches
length 381/1250 ft foot feet
length 1143/1250 yd yard yards
length 201168/125 mi mile miles
mass 1 g gram grams
mass 1000 kg kilogram kilograms
mass 1/1000 mg milligram milligrams
mass 45359237/100000 lb lbs pound pounds
mass 45359237/1600000 oz ounce ounces
time 1 s sec secs second seconds
time 60 min mins minute minutes
time 3600 h hr hrs hour hours
time 86400 day days
time 604800 week weeks
year 1/12 month months
year 1 yr yrs year years
litre 1 L l liter liters litre litres
litre 1/1000 mL ml milliliter milliliters millilitre millilitres
dollar 1 $ dollar dollars usd USD
dollar 1/100 cent cents ¢
euro 1 € euro euros
sterling 1 £
yen 1 ¥ yen
celsius 1 °c
fahrenheit 1 °f
`

// scales are words that multiply the number before them.
var scales = map[string]int64{"hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

// noUnit are words that turn what comes before them into something else than a number of things.
var noUnit = words(`or and not but if either maybe perhaps plus minus times divided multiplied over less more than then is are was equals equal to
	approximately about mod modulo squared cubed half quarter double twice negative otherwise nor except almost at least most yes no`)

// linking are words between the words of a unit.
var linking = words(`each of the in for a an`)

// quantity reads an expression without variables and the unit around it: "$5", "5 cm", "2\sqrt3 \text{ m}^2", "18 duck eggs
// per day", "3 million". It returns nil for what is not of that form.
func quantity(toks []token) *node {
	var currency unit
	if at := slices.IndexFunc(toks, func(t token) bool { return !t.is("-") }); at >= 0 && at <= 1 && toks[at].kind == tSym && at+1 < len(toks) {
		if u, ok := unitOf(toks[at : at+1]); ok && u.dim != "" {
			toks = slices.Delete(slices.Clone(toks), at, at+1)
			if n := amount(toks, u); n != nil {
				return n
			}
			currency = u // "$5 profit"
		}
	}
	from := unitStart(toks)
	if from <= 0 || from == len(toks) {
		return nil
	}
	value, suffix := toks[:from], toks[from:]
	scale := int64(1)
	for len(suffix) > 0 && scales[suffix[0].text] > 0 && scale < 1e12 {
		scale, suffix = scale*scales[suffix[0].text], suffix[1:]
	}
	percent := len(suffix) == 1 && (suffix[0].text == "percent" || suffix[0].text == "percentage" || suffix[0].text == "pct")
	degree := len(suffix) == 1 && strings.HasPrefix(suffix[0].text, "degree")
	var u unit
	switch {
	case percent || degree:
	case value[len(value)-1].is("°") && len(suffix) == 1 && known["°"+strings.ToLower(suffix[0].text)].dim != "":
		u, value = known["°"+strings.ToLower(suffix[0].text)], value[:len(value)-1]
	default:
		var ok bool
		if u, ok = unitOf(suffix); !ok {
			return nil
		}
	}
	if currency.dim != "" {
		u = currency
	}
	n := amount(value, u)
	if n != nil && scale > 1 {
		if n.args[0].op != opNum {
			return nil
		}
		n.args[0] = &node{op: opNum, num: new(big.Rat).Mul(n.args[0].num, big.NewRat(scale, 1))}
	}
	if n != nil && (percent || degree) {
		return &node{op: map[bool]op{true: opPercent, false: opDegree}[percent], args: n.args}
	}
	return n
}

// amount is a value with a unit, nil where the value is none.
func amount(value []token, u unit) *node {
	n, err := parseExpr(value)
	if err != nil || n.variables() || !n.scalar() {
		return nil
	}
	return &node{op: opQuantity, args: []*node{n}, unit: u}
}

// unitStart is where the words at the end begin, with the signs between them: /, a full stop, exponents.
func unitStart(toks []token) int {
	at := len(toks)
	for at > 0 {
		t := toks[at-1]
		switch {
		case t.kind == tWord && !greek[t.text] && t.text != "pi" && !functions[t.text] && t.text != "sqrt":
			at--
		case t.kind == tSym && known[t.text].dim != "" && at == len(toks):
			at--
		case t.kind == tNum && at >= 3 && toks[at-2].is("^") && toks[at-3].kind == tWord:
			at -= 2
		case t.is("}") && at >= 5 && toks[at-3].is("{") && toks[at-4].is("^") && toks[at-5].kind == tWord:
			at -= 4
		case (t.is("/") || t.is(".") || t.is("*")) && at >= 2 && toks[at-2].kind == tWord && at < len(toks):
			at--
		default:
			return at
		}
	}
	return at
}

// unitOf makes a unit of the words at the end.
func unitOf(toks []token) (unit, bool) {
	dims := map[string]int{}
	factor := big.NewRat(1, 1)
	sign, power := 1, 1
	isKnown, count := true, 0
	var label []string
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		word := strings.ToLower(t.text)
		if word != "l" && known[t.text].dim != "" && len(t.text) == 1 {
			word = t.text
		}
		if count++; noUnit[word] || count > 12 {
			return unit{}, false
		}
		switch {
		case t.is("/") || word == "per":
			sign = -1
			label = append(label, "/")
		case t.is("."), t.is("*"), linking[word]:
		case word == "mph":
			dims["length"], dims["time"] = dims["length"]+1, dims["time"]-1
			factor.Mul(factor, big.NewRat(201168, 125*3600))
		case word == "square" || word == "sq":
			power = 2
		case word == "cubic" || word == "cu":
			power = 3
		case word == "unit" || word == "units":
			power = 1
		case t.is("^") || t.kind == tNum || t.is("{") || t.is("}"):
			return unit{}, false // exponents are read with their word
		case known[word].dim != "":
			u := known[word]
			if i+2 < len(toks) && toks[i+1].is("^") {
				e := toks[i+2]
				skip := 2
				if e.is("{") && i+4 < len(toks) {
					e, skip = toks[i+3], 4
				}
				if e.kind != tNum || e.text != "2" && e.text != "3" {
					return unit{}, false
				}
				power, i = int(e.num.Num().Int64()), i+skip
			}
			dims[u.dim] += sign * power
			for range power {
				f := u.factor
				if sign < 0 {
					f = new(big.Rat).Inv(f)
				}
				factor.Mul(factor, f)
			}
			power = 1
			label = append(label, u.name)
		case len(word) < 3:
			return unit{}, false
		default:
			isKnown = false
			label = append(label, strings.TrimSuffix(word, "s"))
		}
	}
	u := unit{name: strings.Join(label, " ")}
	if !isKnown {
		return u, true
	}
	u.factor = factor
	for _, d := range slices.Sorted(maps.Keys(dims)) {
		u.dim += d + strings.Repeat("+", max(0, dims[d])) + strings.Repeat("-", max(0, -dims[d])) + " "
	}
	return u, true
}
