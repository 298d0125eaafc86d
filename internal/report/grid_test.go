package report

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestGrid(t *testing.T) {
	chart := func(y float64) Chart {
		return Chart{
			Title: "a <b>", X: "experts", Y: "seconds", XTicks: []float64{8, 16, 128},
			Lines: []Line{
				{Name: "measured", X: []float64{8, 16, 128}, Y: []float64{y, 2 * y, 3 * y}, Dots: true},
				{Name: "expected", X: []float64{8, 16, 128}, Y: []float64{y, y, y}, Colour: 1, Dashed: true},
			},
		}
	}
	svg := string(Grid("cost", 2, []Chart{chart(1), chart(math.NaN()), chart(2)}))
	var depth, pictures int
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			if e.Name.Local == "svg" {
				pictures++
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
	if pictures != 3 || depth != 0 {
		t.Errorf("%d pictures at depth %d, want the grid and two charts", pictures, depth)
	}
	for _, want := range []string{`viewBox="0 0 960 580"`, ">8<", ">16<", ">128<", ">measured<", "ln dash s1", `x="0" y="290"`, "a &lt;b&gt;"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}

// On a logarithmic axis equal factors are equal distances.
func TestLogarithmicX(t *testing.T) {
	c := lineChart{xTicks: []float64{1, 10, 100}, series: []series{{x: []float64{1, 10, 100}, y: []float64{1, 2, 3}}}}
	x, _, ok := c.ranges()
	if !ok || !x.log {
		t.Fatalf("ok %v, log %v", ok, x.log)
	}
	x.p, x.q = 0, 100
	if a, b := x.at(10)-x.at(1), x.at(100)-x.at(10); math.Abs(a-b) > 1e-9 || x.at(1) <= 0 || x.at(100) >= 100 {
		t.Errorf("1, 10 and 100 are at %g, %g, %g", x.at(1), x.at(10), x.at(100))
	}
}
