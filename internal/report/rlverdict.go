package report

import (
	"fmt"
	"math"
	"strings"
)

// rlVerdict says what became of the success on held-out episodes: a change counts where the intervals lie apart.
func (in *input) rlVerdict() (text, class string) {
	n := len(in.iterations)
	if n == 0 {
		return "No iteration is stored yet.", ""
	}
	first, last := in.iterations[0], in.iterations[n-1]
	reward := fmt.Sprintf("Mean reward went from %s to %s in %s iterations", digits(first.Reward, 3), digits(last.Reward, 3), grouped(float64(n)))
	if n == 1 {
		reward = fmt.Sprintf("Mean reward is %s in the first iteration", digits(first.Reward, 3))
	}
	names := in.environments(true)
	if len(names) == 0 {
		return reward + "; success on held-out episodes was not measured.", ""
	}
	var parts []string
	rose, fell := false, false
	for _, name := range names[:min(len(names), 4)] {
		a, b, times := in.heldOutEnds(name)
		short := visible(shorten(name, 40))
		switch {
		case times == 1:
			parts = append(parts, fmt.Sprintf("%s %s, measured once", short, percent(a.Success.Share)))
			continue
		case b.Success.Low > a.Success.High:
			rose = true
		case b.Success.High < a.Success.Low:
			fell = true
		default:
			parts = append(parts, fmt.Sprintf("%s from %s to %s, no clear change", short, percent(a.Success.Share), percent(b.Success.Share)))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", short, percent(a.Success.Share), percent(b.Success.Share)))
	}
	switch {
	case fell:
		class = "bad"
	case rose:
		class = "good"
	}
	return "Held-out success: " + strings.Join(parts, "; ") + ". " + reward + ".", class
}

// rlTiles gives the figures that tell how reinforcement learning does.
func (in *input) rlTiles() []tile {
	n := len(in.iterations)
	if n == 0 {
		return nil
	}
	first, last := in.iterations[0], in.iterations[n-1]
	total := ""
	if planned := in.figure("rl.iterations"); planned > 0 {
		total = "of " + grouped(planned)
	}
	tiles := []tile{
		{"Iterations", grouped(float64(n)), total},
		{"Mean reward", digits(last.Reward, 3), "last iteration; first " + digits(first.Reward, 3)},
	}
	names := in.environments(true)
	for _, name := range names[:min(len(names), 3)] {
		_, r, _ := in.heldOutEnds(name)
		tiles = append(tiles, tile{"Held-out, " + visible(shorten(name, 24)), percent(r.Success.Share),
			fmt.Sprintf("of %s episodes succeed", grouped(float64(r.Success.Of)))})
	}
	var written, collected, kernels, largest float64
	warnings := 0
	for _, it := range in.iterations {
		written += float64(it.Written)
		collected += it.Seconds.Collection
		kernels += it.Seconds.Prefill + it.Seconds.Decode
		largest = math.Max(largest, it.LogProbMax)
		warnings += len(it.Warnings)
	}
	if collected > 0 {
		tiles = append(tiles,
			tile{"Rollout speed", si(written / collected), "tokens written a second"},
			tile{"In the model's passes", percent(kernels / collected), "of the time of collecting"})
	}
	return append(tiles,
		tile{"Largest difference", digits(largest, 2), "nats, rollout against trainer"},
		tile{"Warnings", grouped(float64(warnings)), "of the watch on reward hacking"})
}
