package mathenv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// compare asks which sign stands between two numbers.
func compare(r *rand.Rand, d int) sketch {
	a := digits(r, d+1)
	b := a + pick(r, -1, 0, 1)*between(r, 1, a)
	left, right := fmt.Sprint(a), fmt.Sprint(b)
	if d >= 3 { // decimal fractions, where more digits do not make a number larger
		places := between(r, 1, 3)
		left = decimal(a, places)
		right = decimal(b, places)
		if r.IntN(2) == 0 {
			right += "0"
		}
	}
	sign := map[bool]string{true: "<", false: ">"}[a < b]
	if a == b {
		sign = "="
	}
	return sketch{
		terse: fmt.Sprintf("%s ? %s", left, right),
		texts: []string{
			fmt.Sprintf("Which sign belongs between %s and %s: <, > or =?", left, right),
			fmt.Sprintf("Compare %s with %s. Answer with <, > or =.", left, right),
		},
		gold: sign,
	}
}

// decimal writes a number of units of 10^-places, trimmed of zeros at its end.
func decimal(n, places int) string {
	unit := 1
	for range places {
		unit *= 10
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	s := fmt.Sprintf("%s%d.%0*d", sign, n/unit, places, n%unit)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// distinct draws different numbers; from difficulty 4 on some are negative.
func distinct(r *rand.Rand, n, d int) []int {
	high := []int{0, 99, 99, 999, 999, 9999}[d]
	low := 1
	if d >= 4 {
		low = -high
	}
	var out []int
	for len(out) < n {
		if x := between(r, low, high); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// maximum asks for the largest or the smallest number of a list.
func maximum(r *rand.Rand, d int) sketch {
	list := distinct(r, 2+d, d)
	word, short, gold := "largest", "max", slices.Max(list)
	if r.IntN(2) == 0 {
		word, short, gold = "smallest", "min", slices.Min(list)
	}
	return sketch{
		terse: fmt.Sprintf("%s %s=", short, joinInts(list, " ")),
		texts: []string{
			fmt.Sprintf("What is the %s of the numbers %s?", word, joinInts(list, ", ")),
			fmt.Sprintf("Here are some numbers: %s. Which one is the %s?", joinInts(list, ", "), word),
		},
		gold: fmt.Sprint(gold),
	}
}

// rank asks for the k-th largest number of a list.
func rank(r *rand.Rand, d int) sketch {
	list := distinct(r, 3+d, d)
	sorted := slices.Sorted(slices.Values(list))
	slices.Reverse(sorted)
	k := between(r, 2, min(4, len(list)-1))
	name := []string{"", "", "second", "third", "fourth"}[k]
	return sketch{
		terse: fmt.Sprintf("%d. largest %s=", k, joinInts(list, " ")),
		texts: []string{
			fmt.Sprintf("What is the %s largest of the numbers %s?", name, joinInts(list, ", ")),
			fmt.Sprintf("Sort %s from the largest down. Which number comes %s?", joinInts(list, ", "), name),
		},
		work: "Sorted: " + joinInts(sorted, ", "),
		gold: fmt.Sprint(sorted[k-1]),
	}
}

// occurrences asks how often something stands in a list. All counts are equally likely.
func occurrences(r *rand.Rand, d int) sketch {
	count, others := between(r, 0, 10+d), 2+2*d+r.IntN(3)
	letters := d%2 == 1
	item := func(i int) string {
		if letters {
			return string(rune('a' + i))
		}
		return fmt.Sprint(i)
	}
	what := r.IntN(10)
	list := slices.Repeat([]string{item(what)}, count)
	for range others {
		list = append(list, item((what+1+r.IntN(9))%10))
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return sketch{
		terse: fmt.Sprintf("count %s: %s=", item(what), strings.Join(list, " ")),
		texts: []string{
			fmt.Sprintf("How many times does %s occur in %s?", item(what), strings.Join(list, " ")),
			fmt.Sprintf("Look at this list: %s. How often is %s in it?", strings.Join(list, " "), item(what)),
		},
		gold: fmt.Sprint(count),
	}
}

// counting asks how many numbers of a range are divisible by something.
func counting(r *rand.Rand, d int) sketch {
	k := between(r, 2, 3*d)
	a := between(r, 1, 60*d)
	b := a + between(r, 20, 60)*k*(d-1) + r.IntN(k)
	n := b/k - (a-1)/k
	return sketch{
		terse: fmt.Sprintf("multiples of %d from %d to %d: how many?", k, a, b),
		texts: []string{
			fmt.Sprintf("How many whole numbers from %d to %d (both included) are divisible by %d?", a, b, k),
			fmt.Sprintf("Count the multiples of %d from %d to %d, both included.", k, a, b),
		},
		work: lines(
			fmt.Sprintf("Up to %d there are %d multiples of %d.", b, b/k, k),
			fmt.Sprintf("Below %d there are %d.", a, (a-1)/k),
			fmt.Sprintf("%d-%d=%d", b/k, (a-1)/k, n),
		),
		gold: fmt.Sprint(n),
	}
}

// sequence asks for the next number.
func sequence(r *rand.Rand, d int) sketch {
	list := []int{between(r, 1, 20*d)}
	step := between(r, 2, 9)
	var work string
	switch rule := min(d, 4); {
	case rule <= 2:
		if rule == 2 && r.IntN(2) == 0 {
			step = -step
		}
		for range 4 {
			list = append(list, list[len(list)-1]+step)
		}
		work = fmt.Sprintf("Each number is %d more than the one before.", step)
		if step < 0 {
			work = fmt.Sprintf("Each number is %d less than the one before.", -step)
		}
	case rule == 3:
		factor := between(r, 2, 6)
		list[0] = between(r, 2, 99)
		for range 4 {
			list = append(list, list[len(list)-1]*factor)
		}
		work = fmt.Sprintf("Each number is %d times the one before.", factor)
	case r.IntN(2) == 0:
		list = append(list, between(r, 1, 20*d))
		for range 4 {
			n := len(list)
			list = append(list, list[n-1]+list[n-2])
		}
		work = "Each number is the sum of the two before."
	default:
		grow := between(r, 1, d)
		for range 5 {
			list = append(list, list[len(list)-1]+step)
			step += grow
		}
		work = fmt.Sprintf("The differences grow by %d.", grow)
	}
	n := len(list) - 1
	return sketch{
		terse: joinInts(list[:n], " ") + " ?",
		texts: []string{
			fmt.Sprintf("Which number comes next: %s?", joinInts(list[:n], ", ")),
			fmt.Sprintf("Continue the sequence %s by one number.", joinInts(list[:n], ", ")),
		},
		work: work,
		gold: fmt.Sprint(list[n]),
	}
}

// mean asks for an average, which is whole up to difficulty 3.
func mean(r *rand.Rand, d int) sketch {
	n := []int{0, 0, 2, 3, 4, 5}[d]
	list := make([]int, n)
	sum := 0
	for i := range list {
		list[i] = between(r, 1, 30*d)
		sum += list[i]
	}
	if d <= 3 {
		list[0] += (n - sum%n) % n
		sum += (n - sum%n) % n
	}
	return sketch{
		terse: fmt.Sprintf("mean %s=", joinInts(list, " ")),
		texts: []string{
			fmt.Sprintf("What is the average of %s?", joinInts(list, ", ")),
			fmt.Sprintf("Find the mean of the numbers %s.", joinInts(list, ", ")),
		},
		work: fmt.Sprintf("%s=%d\n%d/%d=%s", joinInts(list, "+"), sum, sum, n, ratio(sum, n)),
		gold: ratio(sum, n),
	}
}
