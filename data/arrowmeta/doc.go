// Package arrowmeta finds the buffers in Arrow IPC files of a few known columns, so that a reader can take exactly the
// bytes it wants from them. It reads what arrow/go or any other program wrote without compression and dictionaries.
//
// It is for files that may be damaged: whatever the bytes are, Parse does not panic, reads nothing outside them and
// allocates no more than a small multiple of their length, and a Span that it returns lies inside the file.
package arrowmeta
