package shard

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Keys of the Arrow schema's metadata.
const (
	keyFormat    = "muonclip.format"
	keyVersion   = "muonclip.version"
	keyTokenizer = "muonclip.tokenizer"
	keyVocab     = "muonclip.vocab_size"
	keySource    = "muonclip.source"
	keySplit     = "muonclip.split"
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
)

var magic = []byte("ARROW1")

// span is a range of bytes of a shard file.
type span struct{ pos, len int64 }

func (s span) of(data []byte) []byte { return data[s.pos : s.pos+s.len] }

// recordSpans says where the buffers of one record batch lie in the file.
type recordSpans struct {
	rows, tokens             int64
	offsets, ids             span // of the tokens column: rows+1 int32, tokens uint32
	nameOffsets, nameLetters span // of the name column: rows+1 int32, UTF-8
}

// arrowLayout is what the metadata of a shard file says.
type arrowLayout struct {
	meta    map[string]string
	records []recordSpans
}

// parseArrow finds the buffers in a whole Arrow IPC file with the schema of a shard. It reads
// nothing outside data and allocates no more than a small multiple of its length, whatever the bytes are.
func parseArrow(data []byte) (lay arrowLayout, err error) {
	defer func() {
		// The flatbuffers accessors check bounds by panicking.
		if r := recover(); r != nil {
			err = fmt.Errorf("the Arrow metadata is not consistent: %v", r)
		}
	}()
	tail := len(magic) + 4
	if len(data) < 8+tail || !bytes.HasPrefix(data, magic) {
		return lay, fmt.Errorf("it does not begin as an Arrow IPC file")
	}
	if !bytes.HasSuffix(data, magic) {
		return lay, fmt.Errorf("it does not end as an Arrow IPC file: it was cut short or appended to")
	}
	size := int64(binary.LittleEndian.Uint32(data[len(data)-tail:]))
	end := int64(len(data) - tail)
	if size == 0 || size > end-8 {
		return lay, fmt.Errorf("the footer has %d bytes, the file %d", size, len(data))
	}
	footer := rootTable(data[end-size : end])
	schema, ok := footer.child(slotFooterSchema)
	if !ok {
		return lay, fmt.Errorf("the footer has no schema")
	}
	if err := checkSchema(schema); err != nil {
		return lay, err
	}
	if lay.meta, err = schemaMetadata(schema); err != nil {
		return lay, err
	}
	if _, n, err := footer.vector(slotFooterDictionaries, blockBytes); err != nil || n > 0 {
		return lay, fmt.Errorf("the file has dictionaries, a shard has none")
	}
	blocks, n, err := footer.vector(slotFooterBatches, blockBytes)
	if err != nil {
		return lay, err
	}
	for i := range n {
		block := blocks[i*blockBytes:]
		rec, err := parseRecord(data[:end-size], le64(block), int64(int32(binary.LittleEndian.Uint32(block[8:]))), le64(block[16:]))
		if err != nil {
			return lay, fmt.Errorf("record batch %d: %w", i, err)
		}
		lay.records = append(lay.records, rec)
	}
	return lay, nil
}

// parseRecord reads the message at pos: an 8-byte prefix and metadata of metaLen bytes together, then bodyLen bytes of buffers.
func parseRecord(data []byte, pos, metaLen, bodyLen int64) (rec recordSpans, err error) {
	total := int64(len(data))
	if pos < 8 || metaLen < 8 || bodyLen < 0 || pos > total || metaLen > total-pos || bodyLen > total-pos-metaLen {
		return rec, fmt.Errorf("it lies outside the file (offset %d, metadata %d, body %d of %d bytes)", pos, metaLen, bodyLen, total)
	}
	msg := rootTable(data[pos+8 : pos+metaLen])
	if msg.byteAt(slotMessageHeaderType) != tagRecordBatch {
		return rec, fmt.Errorf("message of type %d where a record batch was expected", msg.byteAt(slotMessageHeaderType))
	}
	head, ok := msg.child(slotMessageHeader)
	if !ok {
		return rec, fmt.Errorf("it has no header")
	}
	if _, ok := head.child(slotBatchCompressed); ok {
		return rec, fmt.Errorf("its buffers are compressed, shards are not")
	}
	nodes, n, err := head.vector(slotBatchNodes, nodeBytes)
	if err != nil {
		return rec, err
	}
	buffers, m, err := head.vector(slotBatchBuffers, bufferBytes)
	if err != nil {
		return rec, err
	}
	// Arrow flattens columns depth first: list, its values, name. A list has a validity bitmap and
	// offsets, the values a bitmap and data, a string a bitmap, offsets and data.
	if n != 3 || m != 7 {
		return rec, fmt.Errorf("it has %d columns and %d buffers, want 3 and 7", n, m)
	}
	for i := range n {
		if nulls := le64(nodes[i*nodeBytes+8:]); nulls != 0 {
			return rec, fmt.Errorf("column %d has %d nulls, want none", i, nulls)
		}
	}
	rec.rows, rec.tokens = le64(nodes), le64(nodes[nodeBytes:])
	if rec.rows < 0 || rec.tokens < 0 || rec.rows > total || rec.tokens > total || le64(nodes[2*nodeBytes:]) != rec.rows || head.int64At(slotBatchLength) != rec.rows {
		return rec, fmt.Errorf("its columns have different lengths")
	}
	body := pos + metaLen
	var fail error
	at := func(i int, need int64) span {
		off, length := le64(buffers[i*bufferBytes:]), le64(buffers[i*bufferBytes+8:])
		if off < 0 || length < 0 || off > bodyLen || length > bodyLen-off || length < need {
			fail = fmt.Errorf("buffer %d (offset %d, %d bytes) does not hold %d bytes inside a body of %d", i, off, length, need, bodyLen)
			return span{}
		}
		return span{body + off, length}
	}
	rec.offsets, rec.ids = at(1, 4*(rec.rows+1)), at(3, 4*rec.tokens)
	rec.nameOffsets, rec.nameLetters = at(5, 4*(rec.rows+1)), at(6, 0)
	rec.offsets.len, rec.ids.len, rec.nameOffsets.len = 4*(rec.rows+1), 4*rec.tokens, 4*(rec.rows+1) // without padding
	return rec, fail
}

// checkSchema demands exactly tokens: list<uint32>, name: utf8.
func checkSchema(schema table) error {
	if schema.int16At(slotSchemaEndianness) != 0 {
		return fmt.Errorf("it is big-endian, shards are little-endian")
	}
	fields, err := schema.tables(slotSchemaFields)
	if err != nil {
		return err
	}
	if len(fields) != 2 || fields[0].text(slotFieldName) != "tokens" || fields[1].text(slotFieldName) != "name" {
		var names []string
		for _, f := range fields[:min(len(fields), 8)] {
			names = append(names, f.text(slotFieldName))
		}
		return fmt.Errorf("its columns are %q, want tokens and name", names)
	}
	items, err := fields[0].tables(slotFieldChildren)
	if err != nil {
		return err
	}
	ok := fields[0].byteAt(slotFieldTypeTag) == tagList && len(items) == 1 && items[0].byteAt(slotFieldTypeTag) == tagInt
	if ok {
		bits, found := items[0].child(slotFieldType)
		ok = found && bits.int32At(slotIntBits) == 32 && bits.byteAt(slotIntSigned) == 0
	}
	if !ok {
		return fmt.Errorf("column tokens is not list<uint32>")
	}
	if fields[1].byteAt(slotFieldTypeTag) != tagUtf8 {
		return fmt.Errorf("column name is not utf8")
	}
	return nil
}

func schemaMetadata(schema table) (map[string]string, error) {
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
