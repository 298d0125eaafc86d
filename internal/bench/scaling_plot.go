package bench

import (
	"fmt"

	"muonclip/internal/report"
)

// axisName says what a series is drawn over.
var axisName = map[string]string{
	OverLength: "tokens of a sequence", OverExperts: "routed experts, the same number chosen", OverBatch: "sequences in a batch", OverVocab: "tokens in the vocabulary",
}

// Plot draws time per token and memory over everything that was varied, each beside its law, as one SVG picture.
func (s *Scaling) Plot() []byte {
	var charts []report.Chart
	for at := 0; at < len(s.Points); {
		end := at
		for end < len(s.Points) && s.Points[end].Over == s.Points[at].Over {
			end++
		}
		charts = append(charts, timeChart(s.Points[at:end]), memoryChart(s.Points[at:end]))
		at = end
	}
	return report.Grid("Cost of a training step as work grows, measured and expected", 2, charts)
}

// chart is the frame of one series, with its values on the x axis.
func chart(points []ScalingPoint, what, y string) (c report.Chart, x []float64) {
	for _, p := range points {
		x = append(x, float64(p.Value))
	}
	name := axisName[points[0].Over]
	return report.Chart{Title: fmt.Sprintf("%s over %s", what, name), X: name, Y: y, Zero: true, XTicks: x}, x
}

func timeChart(points []ScalingPoint) report.Chart {
	c, x := chart(points, "Time", "forward and backward, microseconds a token")
	measured, law := report.Line{Name: "measured", X: x, Dots: true}, report.Line{Name: "by FLOPs", X: x, Colour: 1, Dashed: true}
	for _, p := range points {
		measured.Y, law.Y = append(measured.Y, p.PerToken.Median*1e6), append(law.Y, p.LawPerToken*1e6)
		measured.Low, measured.High = append(measured.Low, p.PerToken.Min*1e6), append(measured.High, p.PerToken.Max*1e6)
	}
	c.Lines = []report.Line{law, measured}
	return c
}

func memoryChart(points []ScalingPoint) report.Chart {
	c, x := chart(points, "Memory", "peak resident memory, MB")
	measured, law := report.Line{Name: "measured", X: x, Dots: true}, report.Line{Name: "by count", X: x, Colour: 1, Dashed: true}
	for _, p := range points {
		if p.Memory.Peak == 0 { // not told by this system
			continue
		}
		measured.Y, law.Y = append(measured.Y, float64(p.Memory.Peak)/1e6), append(law.Y, float64(p.LawMemory)/1e6)
	}
	if len(measured.Y) < len(x) {
		return c
	}
	c.Lines = []report.Line{law, measured}
	return c
}
