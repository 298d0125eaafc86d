package report

import (
	"fmt"
	"math"
	"strings"
)

// lineColours are for series that are told apart by name: Okabe and Ito's set, which people with any common colour
// blindness can tell apart, without its yellow, which is invisible on paper. The second of each pair is for
// a dark background.
var lineColours = [...][2]string{
	{"#0072b2", "#5db4ec"}, // blue
	{"#d55e00", "#ff9248"}, // vermillion
	{"#008f66", "#2fc79b"}, // green
	{"#b0568b", "#e59ac6"}, // purple
	{"#a87000", "#f0b73a"}, // orange, darkened for contrast with white
	{"#2f8fc4", "#9ad3f5"}, // sky blue
	{"#555555", "#b8b8b8"}, // grey
	{"#7a3b00", "#d8a27a"}, // brown
}

// palette is a colour scale given by evenly spaced anchors, between which colours are mixed.
type palette struct {
	name    string
	anchors [][3]float64
}

// viridis (Smith and van der Walt) runs evenly in lightness from dark to bright, so that it also reads in grey print
// and for the colour-blind.
var viridis = palette{"v", [][3]float64{
	{68, 1, 84}, {72, 40, 120}, {62, 73, 137}, {49, 104, 142}, {38, 130, 142}, {31, 158, 137}, {53, 183, 121}, {110, 206, 88}, {181, 222, 43}, {253, 231, 37},
}}

// diverging runs from blue over near-white to vermillion, for ratios around 1.
var diverging = palette{"d", [][3]float64{
	{5, 64, 120}, {44, 123, 182}, {146, 197, 222}, {240, 240, 240}, {244, 177, 131}, {213, 94, 0}, {122, 46, 0},
}}

// levels is the number of steps a colour scale is drawn in: finer is not seen, and costs bytes.
const levels = 32

// colour gives the colour at u between 0 and 1.
func (p palette) colour(u float64) string {
	x := min(max(u, 0), 1) * float64(len(p.anchors)-1)
	i := min(int(x), len(p.anchors)-2)
	f := x - float64(i)
	var c [3]int
	for k := range c {
		c[k] = int(math.Round(p.anchors[i][k]*(1-f) + p.anchors[i+1][k]*f))
	}
	return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2])
}

// level gives the class of the colour step for u between 0 and 1.
func (p palette) level(u float64) int { return int(min(max(u, 0), 1) * (levels - 1e-9)) }

// css declares the classes of all steps, as stroke colours.
func (p palette) css() string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, ".%s%d{stroke:%s}", p.name, i, p.colour((float64(i)+0.5)/levels))
	}
	return b.String()
}

// paletteCSS gives the variables --c0.. of one scheme.
func paletteCSS(dark bool) string {
	var b strings.Builder
	for i, c := range lineColours {
		v := c[0]
		if dark {
			v = c[1]
		}
		fmt.Fprintf(&b, "--c%d:%s;", i, v)
	}
	return b.String()
}

// seriesCSS gives the classes s0.. that colour lines, dots and legend keys.
func seriesCSS() string {
	var b strings.Builder
	for i := range lineColours {
		fmt.Fprintf(&b, ".s%d{--s:var(--c%d)}", i, i)
	}
	return b.String()
}
