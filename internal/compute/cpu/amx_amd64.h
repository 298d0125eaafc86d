// The instructions of AMX that Go's assembler does not know, as bytes: c4 is the three-byte VEX prefix, e2 its
// map 0f38 with no register above the seventh, the third byte holds the complement of the second source in
// bits 6 to 3 and the mandatory prefix in bits 1 and 0, then come opcode, ModRM, SIB and displacement. Tiles are
// numbers; a base or an index register is the number that instructions know it by. Checked with objdump.

#define R_AX 0
#define R_CX 1
#define R_DX 2
#define R_BX 3
#define R_SI 6
#define R_DI 7

// LDTILECFG (AX): shapes of all tiles from 64 bytes.
#define LDTILECFG_AX \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0x00

// TILERELEASE: no tile is in use any more, so that the system need not save them.
#define TILERELEASE \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x78; BYTE $0x49; BYTE $0xc0

#define TILEZERO(tile) \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x49; BYTE $(0xc0+8*tile)

// TILELOADD: row r of the tile is at base + r*index + offset.
#define TILELOADD(tile, base, index, offset) \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7b; BYTE $0x4b; BYTE $(0x84+8*tile); BYTE $(base+8*index); LONG $offset

// TILESTORED writes where TILELOADD reads.
#define TILESTORED(tile, base, index, offset) \
	BYTE $0xc4; BYTE $0xe2; BYTE $0x7a; BYTE $0x4b; BYTE $(0x84+8*tile); BYTE $(base+8*index); LONG $offset

// TDPBF16PS: c += a b, c of 16 x 16 float32, a of 16 x 32 bfloat16 and b of 16 pairs of rows x 16.
#define TDPBF16PS(c, a, b) \
	BYTE $0xc4; BYTE $0xe2; BYTE $(0x7a-8*b); BYTE $0x5c; BYTE $(0xc0+8*c+a)
