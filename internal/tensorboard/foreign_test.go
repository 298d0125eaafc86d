package tensorboard

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"muonclip/internal/nodetest"

	"github.com/google/go-cmp/cmp"
)

// readerJS reads an event file with two foreign programs: the framing and checksums by npm's tfrecord, the messages by
// npm's protobufjs from TensorFlow's published schema.
const readerJS = `
const {RecordReader} = require('tfrecord');
const protobuf = require('protobufjs');
const {root} = protobuf.parse(` + "`" + `syntax = "proto3";
message SessionLog { enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; } SessionStatus status = 1; }
message Summary { message Value { string tag = 1; oneof value { float simple_value = 2; } string node_name = 7; } repeated Value value = 1; }
message Event { double wall_time = 1; int64 step = 2;
  oneof what { string file_version = 3; bytes graph_def = 4; Summary summary = 5; SessionLog session_log = 7; bytes tagged_run_metadata = 8; bytes meta_graph_def = 9; } }
` + "`" + `);
const Event = root.lookupType('Event');
(async () => {
  const reader = await RecordReader.create(process.argv[2]);
  const events = [];
  for (let record; (record = await reader.readRecord()) !== null; )
    events.push(Event.toObject(Event.decode(record), {longs: Number, enums: String}));
  console.log(JSON.stringify(events));
})().catch(e => { console.error(e); process.exit(1); });
`

func TestForeignReader(t *testing.T) {
	dir := nodetest.Install(t, "tfrecord@0.2.0", "protobufjs@6.11.4")
	w := create(t, filepath.Join(dir, "run"), 100, noon)
	if err := w.Scalar(101, noon, "loss/train", 4.25); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := nodetest.Run(t, dir, "read.cjs", readerJS, w.Path())
	var got any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	wall := 1_800_000_000.5
	want := []any{
		map[string]any{"wallTime": wall, "fileVersion": FileVersion},
		map[string]any{"wallTime": wall, "step": 101.0, "sessionLog": map[string]any{"status": "START"}},
		map[string]any{"wallTime": wall, "step": 101.0, "summary": map[string]any{"value": []any{map[string]any{"tag": "loss/train", "simpleValue": 4.25}}}},
	}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Errorf("foreign reader sees (-want +got):\n%s", diff)
	}
}
