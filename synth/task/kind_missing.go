package task

import (
	"muonclip/synth/domain"
	"muonclip/synth/task/value"
)

// missing is a change of which the user leaves something out; with a change of mind they take back another value when
// they answer, or after it was done.
func (b *builder) missing(change bool) *Segment {
	for range 8 {
		d, ok := b.draw(mild)
		if !ok {
			return nil
		}
		k := Missing
		if change {
			k = Changed
		}
		seg := b.segment(k, ActDo, d.tool, b.d.Entity(d.tool.Entity))
		b.intend(seg, d.tool)
		w := byID
		if b.r.IntN(3) == 0 {
			w = byLabel
		}
		slots := b.slots
		if b.finish(seg, d, w, false, nil) == nil {
			continue
		}
		if b.hide(seg, change) {
			return seg
		}
		b.slots = slots
		if d.rec != nil {
			delete(b.used, d.rec.ID)
		}
	}
	return nil
}

// hide makes one or two slots unsaid and, for a change of mind, another one provisional; the questions come first.
func (b *builder) hide(seg *Segment, change bool) bool {
	var open []*Slot
	for _, s := range seg.Slots {
		switch s.Value.V.(type) {
		case bool, map[string]any, []any:
			continue
		}
		open = append(open, s)
	}
	if len(open) == 0 || change && len(open) < 2 {
		return false
	}
	open = shuffled(b.r, open)
	if change {
		for i, s := range open {
			if s.Role == RoleValue && b.first(seg, s) {
				s.Reveal = AfterAll
				open = append(open[:i:i], open[i+1:]...)
				break
			}
			if i == len(open)-1 {
				return false
			}
		}
	}
	n := 1
	if len(open) > 2 && b.r.IntN(2) == 0 {
		n = 2
	}
	var asks []*Step
	for _, s := range open[:n] {
		s.Reveal = OnAsk
		asks = append(asks, &Step{Do: DoAsk, Slot: s.Name, Each: -1})
	}
	seg.shift(len(asks))
	seg.Steps = append(asks, seg.Steps...)
	return true
}

// first draws the value that is said first and taken back.
func (b *builder) first(seg *Segment, s *Slot) bool {
	p := seg.Intent.Tool.Param(s.Param)
	if p == nil || p.Spec == nil || s.Value.Type == domain.Ref || s.Value.Type == domain.Text {
		return false
	}
	for range 6 {
		v := b.w.Draw(b.r, p.Spec)
		if v != nil && !value.Equal(v, s.Value.V) {
			switch v.(type) {
			case string, int64, float64:
				s.First = &value.Value{V: v, Type: s.Value.Type, Unit: s.Value.Unit}
				return true
			}
			return false
		}
	}
	return false
}

// shift adds n to all step numbers, for steps that come before.
func (s *Segment) shift(n int) {
	move := func(src *Source) {
		switch src.Kind {
		case FromResult, FromPicked, FromCount, FromList, FromAll, FromTable, FromCell:
			src.Step += n
		}
	}
	for _, st := range s.Steps {
		for i := range st.Args {
			move(&st.Args[i].From)
		}
		if st.Each >= 0 {
			st.Each += n
		}
		st.Step += n
		if st.Check != nil {
			for i := range st.Check.Args {
				move(&st.Check.Args[i].From)
			}
		}
		if st.Other != nil {
			for i := range st.Other.Args {
				move(&st.Other.Args[i].From)
			}
		}
	}
	for _, f := range s.Facts {
		move(&f.From)
	}
}
