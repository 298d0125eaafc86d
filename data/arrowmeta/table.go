package arrowmeta

import (
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// table gives the fields of a flatbuffers table by slot; a missing field reads as zero. The methods
// panic where an offset leaves the buffer; Parse turns that into an error.
type table struct{ flatbuffers.Table }

func rootTable(buf []byte) table {
	return table{flatbuffers.Table{Bytes: buf, Pos: flatbuffers.GetUOffsetT(buf)}}
}

// field is the position of the field in slot, 0 where it is absent.
func (t table) field(slot flatbuffers.VOffsetT) flatbuffers.UOffsetT {
	if o := t.Offset(slot); o != 0 {
		return t.Pos + flatbuffers.UOffsetT(o)
	}
	return 0
}

func (t table) byteAt(slot flatbuffers.VOffsetT) byte {
	if p := t.field(slot); p != 0 {
		return t.GetByte(p)
	}
	return 0
}

func (t table) int16At(slot flatbuffers.VOffsetT) int16 {
	if p := t.field(slot); p != 0 {
		return t.GetInt16(p)
	}
	return 0
}

func (t table) int32At(slot flatbuffers.VOffsetT) int32 {
	if p := t.field(slot); p != 0 {
		return t.GetInt32(p)
	}
	return 0
}

func (t table) int64At(slot flatbuffers.VOffsetT) int64 {
	if p := t.field(slot); p != 0 {
		return t.GetInt64(p)
	}
	return 0
}

func (t table) child(slot flatbuffers.VOffsetT) (table, bool) {
	p := t.field(slot)
	if p == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(p)}}, true
}

func (t table) text(slot flatbuffers.VOffsetT) string {
	if p := t.field(slot); p != 0 {
		return string(t.ByteVector(p))
	}
	return ""
}

// vector returns the bytes and the number of elements of a vector of fixed-size elements.
func (t table) vector(slot flatbuffers.VOffsetT, size int) ([]byte, int, error) {
	p := t.field(slot)
	if p == 0 {
		return nil, 0, nil
	}
	at := t.Indirect(p)
	n := int64(t.GetUint32(at))
	rest := t.Bytes[at+4:]
	if n*int64(size) > int64(len(rest)) {
		return nil, 0, fmt.Errorf("a vector of %d elements does not fit in its buffer", n)
	}
	return rest[:n*int64(size)], int(n), nil
}

// tables returns the elements of a vector of tables.
func (t table) tables(slot flatbuffers.VOffsetT) ([]table, error) {
	refs, n, err := t.vector(slot, 4)
	if err != nil || n == 0 {
		return nil, err
	}
	first := t.Indirect(t.field(slot)) + 4
	out := make([]table, n)
	for i := range out {
		at := first + flatbuffers.UOffsetT(4*i)
		out[i] = table{flatbuffers.Table{Bytes: t.Bytes, Pos: at + flatbuffers.GetUOffsetT(refs[4*i:])}}
	}
	return out, nil
}
