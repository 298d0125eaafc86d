package mathenv

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// probability asks for the chance of an event as a fraction.
func probability(r *rand.Rand, d int) sketch {
	red, blue, green := between(r, 2, 20), between(r, 2, 20), between(r, 1, 15)
	all := red + blue + green
	bag := fmt.Sprintf("A bag holds %d red, %d blue and %d green balls.", red, blue, green)
	ask := "Give the probability as a fraction in lowest terms."
	var what, work, terse string
	var num, den int
	switch d {
	case 3:
		what, num, den = "One ball is drawn. How likely is it red?", red, all
		terse, work = "P(r)", fmt.Sprintf("%d of %d balls are red.", red, all)
	case 4:
		what, num, den = "Two balls are drawn, one after the other, and the first is put back. How likely are both red?", red*red, all*all
		terse, work = "P(r,r) back", fmt.Sprintf("%d/%d * %d/%d = %d/%d", red, all, red, all, num, den)
	default:
		what, num, den = "Two balls are drawn, and none is put back. How likely is the first red and the second blue?", red*blue, all*(all-1)
		terse, work = "P(r,b)", fmt.Sprintf("%d/%d * %d/%d = %d/%d", red, all, blue, all-1, num, den)
	}
	return sketch{
		terse: fmt.Sprintf("%dr %db %dg: %s=", red, blue, green, terse),
		texts: []string{bag + " " + what + " " + ask},
		work:  work + "\nIn lowest terms: " + ratio(num, den),
		gold:  ratio(num, den),
	}
}

// step is one thing that happens in a story.
type step struct {
	text  string
	terse string // the operation on what there is
	after int    // what there is then
}

// story makes a word problem of as many steps as its difficulty says.
func story(r *rand.Rand, d int) sketch {
	name := pick(r, "Tom", "Ann", "Ben", "Mia", "Leo", "Eva", "Sam", "Ida", "Max", "Zoe")
	thing := pick(r, "apples", "books", "coins", "stamps", "cards", "eggs", "shells", "pens", "cakes", "marbles")
	start := between(r, 5, 15+10*d)
	have := start
	texts := []string{fmt.Sprintf("%s has %d %s.", name, start, thing)}
	terse := []string{fmt.Sprint(start)}
	var work []string
	last := ""
	for range d {
		s := happens(r, have, thing, last)
		texts, terse = append(texts, s.text), append(terse, s.terse)
		work = append(work, calculation(have, s))
		have, last = s.after, s.terse[:1]
	}
	return sketch{
		key:   strings.Join(terse, " "),
		terse: fmt.Sprintf("%s %s: %s=", name, thing, strings.Join(terse, " ")),
		texts: []string{
			fmt.Sprintf("%s How many %s does %s have now?", strings.Join(texts, " "), thing, name),
			fmt.Sprintf("%s How many %s are there in the end?", strings.Join(texts, " "), thing),
		},
		work: lines(work...),
		gold: fmt.Sprint(have),
	}
}

// calculation writes what a step does as an equation.
func calculation(have int, s step) string {
	return fmt.Sprintf("%d%s=%d", have, s.terse, s.after)
}

// happens draws what happens next to what there is. The same operation does not come twice running.
func happens(r *rand.Rand, have int, thing, last string) step {
	for {
		n := between(r, 2, 20)
		switch op := pick(r, "+", "-", "*", "/"); {
		case op == last:
		case op == "+":
			return step{pick(r, fmt.Sprintf("Then %d more %s come.", n, thing), fmt.Sprintf("A friend brings %d %s.", n, thing)), fmt.Sprintf("+%d", n), have + n}
		case op == "-" && have > n+1:
			return step{pick(r, fmt.Sprintf("%d of the %s get lost.", n, thing), fmt.Sprintf("%d %s are given away.", n, thing)), fmt.Sprintf("-%d", n), have - n}
		case op == "*" && have < 400:
			k := between(r, 2, 4)
			word := []string{"", "", "doubles", "triples", "becomes four times as large"}[k]
			return step{fmt.Sprintf("The number of %s %s.", thing, word), fmt.Sprintf("*%d", k), have * k}
		case op == "/":
			for _, k := range []int{2, 3, 5} {
				if have%k == 0 && have/k > 3 {
					word := map[int]string{2: "half", 3: "a third", 5: "a fifth"}[k]
					return step{fmt.Sprintf("Only %s of the %s are kept.", word, thing), fmt.Sprintf("/%d", k), have / k}
				}
			}
		}
	}
}
