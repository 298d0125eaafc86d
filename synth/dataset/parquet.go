package dataset

import (
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"muonclip/data/chat"
)

// groupRows is the size of a row group, which readers hold in memory as a whole.
const groupRows = 1000

// The types of the nested columns. Schemas of tools and arguments of calls are JSON strings: Arrow would give all rows
// the union of their fields and fill in nulls, which spoils them.
var (
	text     = arrow.BinaryTypes.String
	function = arrow.StructOf(
		arrow.Field{Name: "name", Type: text},
		arrow.Field{Name: "arguments", Type: text})
	toolCall = arrow.StructOf(
		arrow.Field{Name: "id", Type: text},
		arrow.Field{Name: "type", Type: text},
		arrow.Field{Name: "function", Type: function})
	message = arrow.StructOf(
		arrow.Field{Name: "role", Type: text},
		arrow.Field{Name: "content", Type: text},
		arrow.Field{Name: "name", Type: text, Nullable: true},
		arrow.Field{Name: "tool_call_id", Type: text, Nullable: true},
		arrow.Field{Name: "tool_calls", Type: arrow.ListOfNonNullable(toolCall), Nullable: true},
		arrow.Field{Name: "weight", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
)

// ParquetSchema is the schema of the Parquet files.
func ParquetSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: text},
		{Name: "messages", Type: arrow.ListOfNonNullable(message)},
		{Name: "tools", Type: text},
		{Name: "domain", Type: text},
		{Name: "category", Type: text},
		{Name: "kinds", Type: arrow.ListOfNonNullable(text)},
		{Name: "difficulty", Type: arrow.PrimitiveTypes.Int32},
		{Name: "persona", Type: text},
		{Name: "plan", Type: text},
		{Name: "turns", Type: arrow.PrimitiveTypes.Int32},
		{Name: "calls", Type: arrow.PrimitiveTypes.Int32},
		{Name: "faults", Type: arrow.PrimitiveTypes.Int32},
		{Name: "changes", Type: arrow.PrimitiveTypes.Int32},
		{Name: "rubric", Type: text},
		{Name: "checks", Type: text},
		{Name: "record", Type: text},
		{Name: "key", Type: text},
		{Name: "index", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
}

// WriteParquet writes rows as one Parquet file. The bytes depend on nothing but the rows.
func WriteParquet(w io.Writer, rows []*Row) error {
	props := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Snappy), // the one codec that every reader has
		parquet.WithMaxRowGroupLength(groupRows),
		parquet.WithStats(false), // least and greatest texts help nobody
		parquet.WithDictionaryDefault(false),
		parquet.WithDataPageSize(1 << 20),
		parquet.WithCreatedBy("muonclip synth"),
		parquet.WithRootRepetition(parquet.Repetitions.Required), // arrow/go says "repeated", which hyparquet takes at its word
	}
	for _, column := range []string{"domain", "category", "persona", "kinds.list.element", "messages.list.element.role",
		"messages.list.element.name", "messages.list.element.tool_calls.list.element.type",
		"messages.list.element.tool_calls.list.element.function.name"} {
		props = append(props, parquet.WithDictionaryFor(column, true))
	}
	schema := ParquetSchema()
	file, err := pqarrow.NewFileWriter(schema, w, parquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("dataset: parquet: %w", err)
	}
	b := newParquetBuilder(schema)
	defer b.Release()
	for len(rows) > 0 {
		n := min(len(rows), groupRows)
		for _, r := range rows[:n] {
			if err := b.add(r); err != nil {
				return err
			}
		}
		rec := b.NewRecord()
		err := file.Write(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("dataset: parquet: %w", err)
		}
		rows = rows[n:]
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("dataset: parquet: %w", err)
	}
	return nil
}

// parquetBuilder collects rows as columns.
type parquetBuilder struct {
	*array.RecordBuilder
	next     int // column that put fills next
	messages *array.ListBuilder
	message  *array.StructBuilder
	calls    *array.ListBuilder
	call     *array.StructBuilder
	function *array.StructBuilder
}

func newParquetBuilder(schema *arrow.Schema) *parquetBuilder {
	b := &parquetBuilder{RecordBuilder: array.NewRecordBuilder(memory.NewGoAllocator(), schema)}
	b.messages = b.Field(1).(*array.ListBuilder)
	b.message = b.messages.ValueBuilder().(*array.StructBuilder)
	b.calls = b.message.FieldBuilder(4).(*array.ListBuilder)
	b.call = b.calls.ValueBuilder().(*array.StructBuilder)
	b.function = b.call.FieldBuilder(2).(*array.StructBuilder)
	return b
}

func (b *parquetBuilder) add(r *Row) error {
	record, err := compactJSON(r.Record)
	if err != nil {
		return fmt.Errorf("dataset: row %s: record: %w", r.Key, err)
	}
	checks, err := compactJSON(r.Checks)
	if err != nil {
		return fmt.Errorf("dataset: row %s: checks: %w", r.Key, err)
	}
	size := SizeOf(r.Dialogue)
	b.next = 0
	b.text(r.Dialogue.ID)
	b.addMessages(r.Dialogue.Messages)
	b.text(string(chat.AppendTools(nil, r.Dialogue.Tools)))
	b.text(r.Domain)
	b.text(r.Category)
	b.texts(r.Kinds)
	b.number(r.Difficulty)
	b.text(r.Persona)
	b.text(r.Plan)
	b.number(size.Turns)
	b.number(size.Calls)
	b.number(r.Record.Faults())
	b.number(r.Record.Changes())
	b.text(string(r.Rubric))
	b.text(string(checks))
	b.text(string(record))
	b.text(r.Key)
	b.column().(*array.Int64Builder).Append(r.Index)
	return nil
}

func (b *parquetBuilder) addMessages(messages []chat.Message) {
	list := b.column().(*array.ListBuilder)
	list.Append(true)
	for _, m := range messages {
		b.message.Append(true)
		appendText(b.message.FieldBuilder(0), string(m.Role))
		appendText(b.message.FieldBuilder(1), m.Content)
		appendOptional(b.message.FieldBuilder(2), m.Name, m.Name != "")
		appendOptional(b.message.FieldBuilder(3), m.ToolCallID, m.Role == chat.RoleTool || m.ToolCallID != "")
		b.calls.Append(len(m.ToolCalls) > 0)
		for _, c := range m.ToolCalls {
			b.call.Append(true)
			appendText(b.call.FieldBuilder(0), c.ID)
			appendText(b.call.FieldBuilder(1), "function")
			b.function.Append(true)
			appendText(b.function.FieldBuilder(0), c.Name)
			appendText(b.function.FieldBuilder(1), string(c.Arguments))
		}
		weight := b.message.FieldBuilder(5).(*array.Int32Builder)
		if m.NoLoss {
			weight.Append(0)
		} else {
			weight.AppendNull()
		}
	}
}

func (b *parquetBuilder) column() array.Builder {
	b.next++
	return b.Field(b.next - 1)
}

func (b *parquetBuilder) text(s string) { appendText(b.column(), s) }

func (b *parquetBuilder) texts(list []string) {
	l := b.column().(*array.ListBuilder)
	l.Append(true)
	for _, s := range list {
		appendText(l.ValueBuilder(), s)
	}
}

func (b *parquetBuilder) number(n int) { b.column().(*array.Int32Builder).Append(int32(n)) }

// appendText appends text, which Parquet wants as UTF-8.
func appendText(b array.Builder, s string) {
	b.(*array.StringBuilder).Append(strings.ToValidUTF8(s, "\uFFFD"))
}

func appendOptional(b array.Builder, s string, there bool) {
	if !there {
		b.AppendNull()
		return
	}
	appendText(b, s)
}
