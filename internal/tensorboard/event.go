// Package tensorboard writes and reads TensorBoard event files. An event file is a TFRecord file, frames with
// checksums, whose records are tensorflow.Event protocol buffers. Only what a training run needs is there:
// scalars and the marker that tells TensorBoard of a resume. Field numbers are those of TensorFlow's event.proto and
// summary.proto; the file version is the one that every TensorBoard since 2015 expects.
package tensorboard

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// FileVersion is the first event of every file.
const FileVersion = "brain.Event:2"

// Field numbers of tensorflow.Event, Summary, Summary.Value and SessionLog.
const (
	eventWallTime    = 1 // double, seconds since 1970
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	eventSessionLog  = 7 // SessionLog

	summaryValue = 1 // repeated Summary.Value

	valueTag    = 1 // string
	valueSimple = 2 // float

	sessionStatus = 1 // enum
	statusStart   = 1
)

// Event is one record of an event file.
type Event struct {
	WallTime    float64 // seconds since 1970
	Step        int64
	FileVersion string // set in the first event of a file only
	Start       bool   // the run starts or resumes at Step: TensorBoard drops earlier points from there on
	Values      []Value
}

// Value is one scalar of an event.
type Value struct {
	Tag    string
	Simple float32
}

func (e *Event) appendHeader(dst []byte) []byte {
	dst = protowire.AppendTag(dst, eventWallTime, protowire.Fixed64Type)
	dst = protowire.AppendFixed64(dst, math.Float64bits(e.WallTime))
	if e.Step != 0 { // proto3 leaves zeros out
		dst = protowire.AppendTag(dst, eventStep, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(e.Step))
	}
	if e.FileVersion != "" {
		dst = protowire.AppendTag(dst, eventFileVersion, protowire.BytesType)
		dst = protowire.AppendString(dst, e.FileVersion)
	}
	if e.Start {
		dst = protowire.AppendTag(dst, eventSessionLog, protowire.BytesType)
		dst = protowire.AppendBytes(dst, []byte{sessionStatus<<3 | byte(protowire.VarintType), statusStart})
	}
	return dst
}

// appendValue appends one Summary.Value as a field of a Summary.
func appendValue(dst []byte, tag string, v float32) []byte {
	size := protowire.SizeTag(valueTag) + protowire.SizeBytes(len(tag)) + protowire.SizeTag(valueSimple) + protowire.SizeFixed32()
	dst = protowire.AppendTag(dst, summaryValue, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = protowire.AppendTag(dst, valueTag, protowire.BytesType)
	dst = protowire.AppendString(dst, tag)
	dst = protowire.AppendTag(dst, valueSimple, protowire.Fixed32Type)
	return protowire.AppendFixed32(dst, math.Float32bits(v))
}

// eventTypes are the wire types of the fields of Event that parseEvent reads.
var eventTypes = map[protowire.Number]protowire.Type{
	eventWallTime: protowire.Fixed64Type, eventStep: protowire.VarintType, eventFileVersion: protowire.BytesType,
	eventSummary: protowire.BytesType, eventSessionLog: protowire.BytesType,
}

var errWire = errors.New("not a well-formed protocol buffer")

// fields calls f for each field of a message with the raw bytes of its value: the content of a length-delimited
// field, and the encoding of any other.
func fields(msg []byte, f func(num protowire.Number, typ protowire.Type, v []byte) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return errWire
		}
		msg = msg[n:]
		n = protowire.ConsumeFieldValue(num, typ, msg)
		if n < 0 {
			return errWire
		}
		v := msg[:n]
		msg = msg[n:]
		if typ == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(v)
		}
		if err := f(num, typ, v); err != nil {
			return err
		}
	}
	return nil
}

// parseEvent decodes one record. Fields that this package does not write are passed over; a known field of the
// wrong wire type is an error.
func parseEvent(msg []byte) (Event, error) {
	var e Event
	err := fields(msg, func(num protowire.Number, typ protowire.Type, v []byte) error {
		if want, known := eventTypes[num]; known && typ != want {
			return fmt.Errorf("field %d of Event has wire type %d, want %d", num, typ, want)
		}
		switch num {
		case eventWallTime:
			bits, _ := protowire.ConsumeFixed64(v)
			e.WallTime = math.Float64frombits(bits)
		case eventStep:
			step, _ := protowire.ConsumeVarint(v)
			e.Step = int64(step)
		case eventFileVersion:
			e.FileVersion = string(v)
		case eventSummary:
			return fields(v, func(num protowire.Number, typ protowire.Type, v []byte) error {
				if num != summaryValue || typ != protowire.BytesType {
					return nil
				}
				value, scalar, err := parseValue(v)
				if scalar {
					e.Values = append(e.Values, value)
				}
				return err
			})
		case eventSessionLog:
			return fields(v, func(num protowire.Number, typ protowire.Type, v []byte) error {
				if num == sessionStatus && typ == protowire.VarintType {
					status, _ := protowire.ConsumeVarint(v)
					e.Start = status == statusStart
				}
				return nil
			})
		}
		return nil
	})
	return e, err
}

// parseValue decodes a Summary.Value and reports whether it is a scalar.
func parseValue(msg []byte) (v Value, scalar bool, err error) {
	err = fields(msg, func(num protowire.Number, typ protowire.Type, raw []byte) error {
		switch {
		case num == valueTag && typ == protowire.BytesType:
			v.Tag = string(raw)
		case num == valueSimple && typ == protowire.Fixed32Type:
			bits, _ := protowire.ConsumeFixed32(raw)
			v.Simple, scalar = math.Float32frombits(bits), true
		}
		return nil
	})
	return v, scalar, err
}
