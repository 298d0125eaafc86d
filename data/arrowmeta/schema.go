package arrowmeta

import (
	"errors"
	"fmt"
	"slices"
)

// Type is the type of a column. All of them have a number of values in each row, and no nulls.
type Type uint8

// The types that Parse knows.
const (
	Utf8       Type = iota // text; a value is a byte
	ListUint32             // list<uint32>
	ListUint8              // list<uint8>
)

// String is the type as Arrow writes it.
func (t Type) String() string { return [...]string{"utf8", "list<uint32>", "list<uint8>"}[t] }

// bits is the width of the values of a list.
func (t Type) bits() int32 { return [...]int32{8, 32, 8}[t] }

// nodes and buffers are what a column has of each. Arrow flattens columns depth first: a list is a node with a validity
// bitmap and offsets and a node with a bitmap and data, a text one node with a bitmap, offsets and data.
func (t Type) nodes() int { return [...]int{1, 2, 2}[t] }

func (t Type) buffers() int { return [...]int{3, 4, 4}[t] }

// Column is a column that a file must have.
type Column struct {
	Name string
	Type Type
}

// Numbers of the Arrow format's flatbuffers schemas (format/File.fbs, Message.fbs, Schema.fbs).
const (
	slotFooterSchema, slotFooterDictionaries, slotFooterBatches            = 6, 8, 10
	slotMessageHeaderType, slotMessageHeader                               = 6, 8
	slotBatchLength, slotBatchNodes, slotBatchBuffers, slotBatchCompressed = 4, 6, 8, 10
	slotSchemaEndianness, slotSchemaFields, slotSchemaMetadata             = 4, 6, 8
	slotFieldName, slotFieldTypeTag, slotFieldType, slotFieldChildren      = 4, 8, 10, 14
	slotIntBits, slotIntSigned                                             = 4, 6
	slotKey, slotValue                                                     = 4, 6
	tagInt, tagUtf8, tagList                                               = 2, 5, 12
	tagRecordBatch                                                         = 3
	blockBytes, nodeBytes, bufferBytes                                     = 24, 16, 16
)

// checkSchema demands exactly the columns.
func checkSchema(schema table, columns []Column) error {
	if schema.int16At(slotSchemaEndianness) != 0 {
		return errors.New("it is big-endian, the format is little-endian")
	}
	fields, err := schema.tables(slotSchemaFields)
	if err != nil {
		return err
	}
	var have, want []string
	for _, f := range fields[:min(len(fields), len(columns)+8)] {
		have = append(have, f.text(slotFieldName))
	}
	for _, c := range columns {
		want = append(want, c.Name)
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("its columns are %q, want %q", have, want)
	}
	for i, c := range columns {
		ok, err := hasType(fields[i], c.Type)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("column %s is not %s", c.Name, c.Type)
		}
	}
	return nil
}

func hasType(field table, t Type) (bool, error) {
	if t == Utf8 {
		return field.byteAt(slotFieldTypeTag) == tagUtf8, nil
	}
	items, err := field.tables(slotFieldChildren)
	if err != nil {
		return false, err
	}
	if field.byteAt(slotFieldTypeTag) != tagList || len(items) != 1 || items[0].byteAt(slotFieldTypeTag) != tagInt {
		return false, nil
	}
	number, ok := items[0].child(slotFieldType)
	return ok && number.int32At(slotIntBits) == t.bits() && number.byteAt(slotIntSigned) == 0, nil
}

// metadata is the key-value metadata of a schema.
func metadata(schema table) (map[string]string, error) {
	pairs, err := schema.tables(slotSchemaMetadata)
	if err != nil {
		return nil, err
	}
	if len(pairs) > 1000 {
		return nil, fmt.Errorf("its schema has %d metadata entries", len(pairs))
	}
	meta := make(map[string]string, len(pairs))
	for _, p := range pairs {
		meta[p.text(slotKey)] = p.text(slotValue)
	}
	return meta, nil
}
