package maskshard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Keys of the Arrow schema's metadata.
const (
	keyFormat    = "muonclip.format"
	keyVersion   = "muonclip.version"
	keyTokenizer = "muonclip.tokenizer"
	keyVocab     = "muonclip.vocab_size"
	keyChat      = "muonclip.chat_format"
)

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
	columnNodes, columnBuffers                                             = 5, 11
)

var magic = []byte("ARROW1")

// batch says where the buffers of one record batch lie in the file.
type batch struct {
	rows, tokens                         int64
	tokenOffsets, ids, maskOffsets, mask span
	nameOffsets, names                   span
}

// span is a range of bytes of a file.
type span struct{ pos, len int64 }

func (s span) of(data []byte) []byte { return data[s.pos : s.pos+s.len] }

// layout is what the metadata of a file says.
type layout struct {
	meta    map[string]string
	batches []batch
}

// parse finds the buffers in a whole Arrow IPC file with the schema of this package. It reads nothing outside data and
// allocates no more than a small multiple of its length, whatever the bytes are.
func parse(data []byte) (lay layout, err error) {
	defer func() {
		if r := recover(); r != nil { // the flatbuffers accessors check bounds by panicking
			err = fmt.Errorf("the Arrow metadata is not consistent: %v", r)
		}
	}()
	tail := len(magic) + 4
	if len(data) < 8+tail || !bytes.HasPrefix(data, magic) {
		return lay, errors.New("it does not begin as an Arrow IPC file")
	}
	if !bytes.HasSuffix(data, magic) {
		return lay, errors.New("it does not end as an Arrow IPC file: it was cut short or appended to")
	}
	end := int64(len(data) - tail)
	size := int64(binary.LittleEndian.Uint32(data[end:]))
	if size == 0 || size > end-8 {
		return lay, fmt.Errorf("the footer has %d bytes, the file %d", size, len(data))
	}
	footer := rootTable(data[end-size : end])
	schema, ok := footer.child(slotFooterSchema)
	if !ok {
		return lay, errors.New("the footer has no schema")
	}
	if err := checkSchema(schema); err != nil {
		return lay, err
	}
	if lay.meta, err = metadata(schema); err != nil {
		return lay, err
	}
	if _, n, err := footer.vector(slotFooterDictionaries, blockBytes); err != nil || n > 0 {
		return lay, errors.New("the file has dictionaries, which it should not")
	}
	blocks, n, err := footer.vector(slotFooterBatches, blockBytes)
	if err != nil {
		return lay, err
	}
	for i := range n {
		block := blocks[i*blockBytes:]
		b, err := parseBatch(data[:end-size], le64(block), int64(int32(binary.LittleEndian.Uint32(block[8:]))), le64(block[16:]))
		if err != nil {
			return lay, fmt.Errorf("record batch %d: %w", i, err)
		}
		lay.batches = append(lay.batches, b)
	}
	return lay, nil
}

// parseBatch reads the message at pos: an 8-byte prefix and metadata of metaLen bytes together, then bodyLen bytes of buffers.
func parseBatch(data []byte, pos, metaLen, bodyLen int64) (b batch, err error) {
	total := int64(len(data))
	if pos < 8 || metaLen < 8 || bodyLen < 0 || pos > total || metaLen > total-pos || bodyLen > total-pos-metaLen {
		return b, fmt.Errorf("it lies outside the file (offset %d, metadata %d, body %d of %d bytes)", pos, metaLen, bodyLen, total)
	}
	msg := rootTable(data[pos+8 : pos+metaLen])
	head, ok := msg.child(slotMessageHeader)
	if !ok || msg.byteAt(slotMessageHeaderType) != tagRecordBatch {
		return b, errors.New("its message is no record batch")
	}
	if _, compressed := head.child(slotBatchCompressed); compressed {
		return b, errors.New("its buffers are compressed, which they should not be")
	}
	nodes, n, err := head.vector(slotBatchNodes, nodeBytes)
	if err != nil {
		return b, err
	}
	buffers, m, err := head.vector(slotBatchBuffers, bufferBytes)
	if err != nil {
		return b, err
	}
	// Arrow flattens columns depth first: tokens and its values, mask and its values, id. A list has a validity bitmap
	// and offsets, numbers a bitmap and data, a string a bitmap, offsets and data.
	if n != columnNodes || m != columnBuffers {
		return b, fmt.Errorf("it has %d columns and %d buffers, want %d and %d", n, m, columnNodes, columnBuffers)
	}
	length := make([]int64, n)
	for i := range n {
		length[i] = le64(nodes[i*nodeBytes:])
		if nulls := le64(nodes[i*nodeBytes+8:]); nulls != 0 || length[i] < 0 || length[i] > total {
			return b, fmt.Errorf("column %d has %d values and %d nulls", i, length[i], nulls)
		}
	}
	b.rows, b.tokens = length[0], length[1]
	if length[2] != b.rows || length[3] != b.tokens || length[4] != b.rows || head.int64At(slotBatchLength) != b.rows {
		return b, errors.New("its columns have different lengths")
	}
	body := pos + metaLen
	at := func(i int, need int64) span {
		off, size := le64(buffers[i*bufferBytes:]), le64(buffers[i*bufferBytes+8:])
		if off < 0 || size < 0 || off > bodyLen || size > bodyLen-off || size < need {
			err = fmt.Errorf("buffer %d (offset %d, %d bytes) does not hold %d bytes inside a body of %d", i, off, size, need, bodyLen)
			return span{}
		}
		return span{body + off, need}
	}
	offsets := 4 * (b.rows + 1)
	b.tokenOffsets, b.ids = at(1, offsets), at(3, 4*b.tokens)
	b.maskOffsets, b.mask = at(5, offsets), at(7, b.tokens)
	b.nameOffsets = at(9, offsets)
	b.names = at(10, 0)
	b.names.len = max(0, min(le64(buffers[10*bufferBytes+8:]), total-b.names.pos))
	return b, err
}

// checkSchema demands exactly tokens: list<uint32>, mask: list<uint8>, id: utf8.
func checkSchema(schema table) error {
	if schema.byteAt(slotSchemaEndianness) != 0 {
		return errors.New("it is big-endian, the format is little-endian")
	}
	fields, err := schema.tables(slotSchemaFields)
	if err != nil {
		return err
	}
	if len(fields) != 3 || fields[0].text(slotFieldName) != "tokens" || fields[1].text(slotFieldName) != "mask" || fields[2].text(slotFieldName) != "id" {
		return errors.New("its columns are not tokens, mask and id")
	}
	for i, want := range []int32{32, 8} {
		items, err := fields[i].tables(slotFieldChildren)
		if err != nil {
			return err
		}
		ok := fields[i].byteAt(slotFieldTypeTag) == tagList && len(items) == 1 && items[0].byteAt(slotFieldTypeTag) == tagInt
		if ok {
			bits, found := items[0].child(slotFieldType)
			ok = found && bits.int32At(slotIntBits) == want && bits.byteAt(slotIntSigned) == 0
		}
		if !ok {
			return fmt.Errorf("column %d is not a list of uint%d", i, want)
		}
	}
	if fields[2].byteAt(slotFieldTypeTag) != tagUtf8 {
		return errors.New("column id is not utf8")
	}
	return nil
}

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

func le64(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }
