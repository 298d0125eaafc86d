package arrowmeta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

var magic = []byte("ARROW1")

// Span is a range of bytes of a file.
type Span struct{ Pos, Len int64 }

// Of is the range in the bytes of the whole file.
func (s Span) Of(data []byte) []byte { return data[s.Pos : s.Pos+s.Len] }

// File is what the metadata of a file says.
type File struct {
	Meta    map[string]string // of the schema
	Batches []Batch
}

// Batch is a record batch.
type Batch struct {
	Rows  int64
	Lists []List // by column
}

// List says where a column of a record batch lies.
type List struct {
	Offsets Span // Rows+1 int32: the first value of each row, and the end of the last
	Values  Span // of a text with the padding behind it, otherwise exactly Count of them
	Count   int64
	exact   bool // the offsets must end at Count
}

// Parse finds the buffers in a whole Arrow IPC file with these columns. The errors say what is wrong with the file and
// leave it to the caller to name it.
func Parse(data []byte, columns []Column) (file File, err error) {
	defer func() {
		if r := recover(); r != nil { // the flatbuffers accessors check bounds by panicking
			err = fmt.Errorf("the Arrow metadata is not consistent: %v", r)
		}
	}()
	tail := len(magic) + 4
	if len(data) < 8+tail || !bytes.HasPrefix(data, magic) {
		return file, errors.New("it does not begin as an Arrow IPC file")
	}
	if !bytes.HasSuffix(data, magic) {
		return file, errors.New("it does not end as an Arrow IPC file: it was cut short or appended to")
	}
	end := int64(len(data) - tail)
	size := int64(binary.LittleEndian.Uint32(data[end:]))
	if size == 0 || size > end-8 {
		return file, fmt.Errorf("the footer has %d bytes, the file %d", size, len(data))
	}
	footer := rootTable(data[end-size : end])
	schema, ok := footer.child(slotFooterSchema)
	if !ok {
		return file, errors.New("the footer has no schema")
	}
	if err := checkSchema(schema, columns); err != nil {
		return file, err
	}
	if file.Meta, err = metadata(schema); err != nil {
		return file, err
	}
	if _, n, err := footer.vector(slotFooterDictionaries, blockBytes); err != nil || n > 0 {
		return file, errors.New("the file has dictionaries, which it should not")
	}
	blocks, n, err := footer.vector(slotFooterBatches, blockBytes)
	if err != nil {
		return file, err
	}
	for i := range n {
		block := blocks[i*blockBytes:]
		b, err := parseBatch(data[:end-size], columns, le64(block), int64(int32(binary.LittleEndian.Uint32(block[8:]))), le64(block[16:]))
		if err != nil {
			return file, fmt.Errorf("record batch %d: %w", i, err)
		}
		file.Batches = append(file.Batches, b)
	}
	return file, nil
}

// parseBatch reads the message at pos: an 8-byte prefix and metadata of metaLen bytes together, then bodyLen bytes of buffers.
func parseBatch(data []byte, columns []Column, pos, metaLen, bodyLen int64) (Batch, error) {
	total := int64(len(data))
	if pos < 8 || metaLen < 8 || bodyLen < 0 || pos > total || metaLen > total-pos || bodyLen > total-pos-metaLen {
		return Batch{}, fmt.Errorf("it lies outside the file (offset %d, metadata %d, body %d of %d bytes)", pos, metaLen, bodyLen, total)
	}
	msg := rootTable(data[pos+8 : pos+metaLen])
	if kind := msg.byteAt(slotMessageHeaderType); kind != tagRecordBatch {
		return Batch{}, fmt.Errorf("message of type %d where a record batch was expected", kind)
	}
	head, ok := msg.child(slotMessageHeader)
	if !ok {
		return Batch{}, errors.New("it has no header")
	}
	if _, compressed := head.child(slotBatchCompressed); compressed {
		return Batch{}, errors.New("its buffers are compressed, which they should not be")
	}
	p := batchParser{total: total, body: pos + metaLen, bodyLen: bodyLen}
	if err := p.tables(head, columns); err != nil {
		return Batch{}, err
	}
	b := Batch{Rows: head.int64At(slotBatchLength)}
	for _, c := range columns {
		b.Lists = append(b.Lists, p.list(c, b.Rows))
	}
	return b, p.err
}

// batchParser walks over the nodes and buffers of a record batch.
type batchParser struct {
	total, body, bodyLen int64
	nodes, buffers       []byte
	node, buffer         int // the next ones
	err                  error
}

// tables finds the nodes and buffers and checks their numbers.
func (p *batchParser) tables(head table, columns []Column) (err error) {
	var n, m, wantNodes, wantBuffers int
	for _, c := range columns {
		wantNodes += c.Type.nodes()
		wantBuffers += c.Type.buffers()
	}
	if p.nodes, n, err = head.vector(slotBatchNodes, nodeBytes); err != nil {
		return err
	}
	if p.buffers, m, err = head.vector(slotBatchBuffers, bufferBytes); err != nil {
		return err
	}
	if n != wantNodes || m != wantBuffers {
		return fmt.Errorf("it has %d columns and %d buffers, want %d and %d", n, m, wantNodes, wantBuffers)
	}
	return nil
}

// list takes the next column.
func (p *batchParser) list(c Column, rows int64) List {
	if n := p.length(); n != rows {
		p.fail(errors.New("its columns have different lengths"))
		return List{}
	}
	p.buffer++ // the bitmap of nulls, of which there are none
	l := List{Offsets: p.span(4 * (rows + 1))}
	if c.Type == Utf8 {
		l.Values = p.span(0)
		l.Values.Len = le64(p.buffers[(p.buffer-1)*bufferBytes+8:])
		l.Count = l.Values.Len
		return l
	}
	l.Count, l.exact = p.length(), true
	p.buffer++
	l.Values = p.span(l.Count * int64(c.Type.bits()/8))
	return l
}

// length takes the length of the next node.
func (p *batchParser) length() int64 {
	node := p.nodes[p.node*nodeBytes:]
	length, nulls := le64(node), le64(node[8:])
	if nulls != 0 || length < 0 || length > p.total {
		p.fail(fmt.Errorf("column %d has %d values and %d nulls", p.node, length, nulls))
		length = 0
	}
	p.node++
	return length
}

// span takes the first need bytes of the next buffer.
func (p *batchParser) span(need int64) Span {
	i := p.buffer
	p.buffer++
	off, size := le64(p.buffers[i*bufferBytes:]), le64(p.buffers[i*bufferBytes+8:])
	if off < 0 || size < 0 || off > p.bodyLen || size > p.bodyLen-off || size < need {
		p.fail(fmt.Errorf("buffer %d (offset %d, %d bytes) does not hold %d bytes inside a body of %d", i, off, size, need, p.bodyLen))
		return Span{}
	}
	return Span{p.body + off, need}
}

func (p *batchParser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// Ends appends base plus the end of each row's values to dst. It checks that the offsets begin at 0, never fall and stay
// within the values; those of a list end with them, behind a text may be padding.
func (l List) Ends(dst []int64, data []byte, base int64) ([]int64, error) {
	offsets := l.Offsets.Of(data)
	last := int64(int32(binary.LittleEndian.Uint32(offsets)))
	if last != 0 {
		return nil, fmt.Errorf("the first offset is %d, want 0", last)
	}
	for i := 4; i < len(offsets); i += 4 {
		o := int64(int32(binary.LittleEndian.Uint32(offsets[i:])))
		if o < last || o > l.Count {
			return nil, fmt.Errorf("offset %d of element %d is not between %d and %d", o, i/4, last, l.Count)
		}
		dst = append(dst, base+o)
		last = o
	}
	if l.exact && last != l.Count {
		return nil, fmt.Errorf("the offsets end at %d, there are %d", last, l.Count)
	}
	return dst, nil
}

func le64(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }
