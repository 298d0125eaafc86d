//go:build !noasm

#include "textflag.h"
#include "amx_split_amd64.h"

// The upper halves of x's and y's elements in turn.
DATA pairWords<>+0(SB)/8, $0x0023000300210001
DATA pairWords<>+8(SB)/8, $0x0027000700250005
DATA pairWords<>+16(SB)/8, $0x002b000b00290009
DATA pairWords<>+24(SB)/8, $0x002f000f002d000d
DATA pairWords<>+32(SB)/8, $0x0033001300310011
DATA pairWords<>+40(SB)/8, $0x0037001700350015
DATA pairWords<>+48(SB)/8, $0x003b001b00390019
DATA pairWords<>+56(SB)/8, $0x003f001f003d001d
GLOBL pairWords<>(SB), RODATA|NOPTR, $64

// func splitRowsAVX512(dst *uint16, src *float32, lds, rows, depth int) (finite bool)
TEXT ·splitRowsAVX512(SB), NOSPLIT, $0-41
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ lds+16(FP), R8
	MOVQ rows+24(FP), R9
	MOVQ depth+32(FP), R10
	SHLQ $2, R8
	SPLIT_CONSTANTS(rowWords)
	VPXORD Z20, Z20, Z20
	MOVQ R10, BX
	ANDQ $31, BX
	SHRQ $5, R10
	MOVQ $-1, CX
	BZHIQ BX, CX, CX // columns of the last step
	KMOVW CX, K1
	SHRQ $16, CX
	KMOVW CX, K2

row:
	MOVQ SI, AX
	MOVQ DI, DX
	MOVQ R10, CX
	TESTQ CX, CX
	JZ   rest

whole:
	VMOVUPS (AX), Z0
	VMOVUPS 64(AX), Z1
	SPLIT(DX, 0)
	ADDQ $128, AX
	ADDQ $6144, DX
	DECQ CX
	JNZ  whole

rest:
	TESTQ BX, BX
	JZ   nextRow
	VMOVUPS.Z (AX), K1, Z0
	VMOVUPS.Z 64(AX), K2, Z1
	SPLIT(DX, 0)

nextRow:
	ADDQ R8, SI
	ADDQ $64, DI
	DECQ R9
	JNZ  row
	VCMPPS $3, Z20, Z20, K1 // what is no number
	KORTESTW K1, K1
	SETEQ finite+40(FP)
	VZEROUPPER
	RET

// func splitPairsAVX512(dst *uint16, step int, src *float32, lds, depth, cols int, marks *float32)
TEXT ·splitPairsAVX512(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), SI
	MOVQ src+16(FP), AX
	MOVQ lds+24(FP), R8
	MOVQ depth+32(FP), CX
	MOVQ cols+40(FP), R9
	SHLQ $1, SI
	SHLQ $2, R8
	SPLIT_CONSTANTS(pairWords)
	MOVQ R9, R10
	ANDQ $31, R10
	SHRQ $5, R9
	MOVQ $-1, DX
	KMOVW DX, K7
	BZHIQ R10, DX, DX // columns of the last panel
	KMOVW DX, K5
	SHRQ $16, DX
	KMOVW DX, K6
	XORQ R15, R15 // the row of the tile

	// K1 and K3 tell whether the pair's rows exist. One that does not is zero, and nothing is read for it.
pair:
	KMOVW K7, K1
	KMOVW K7, K3
	LEAQ (AX)(R8*1), BX
	CMPQ CX, $2
	JGE  panels
	MOVQ AX, BX
	KXORW K3, K3, K3
	CMPQ CX, $1
	JEQ  panels
	KXORW K1, K1, K1

panels:
	MOVQ DI, DX
	MOVQ AX, R11
	MOVQ BX, R12
	MOVQ marks+48(FP), R13
	MOVQ R9, R14
	TESTQ R14, R14
	JZ   rest

whole:
	VMOVUPS (R13), Z20
	VMOVUPS.Z (R11), K1, Z0
	VMOVUPS.Z (R12), K3, Z1
	SPLIT(DX, 0)
	VMOVUPS.Z 64(R11), K1, Z0
	VMOVUPS.Z 64(R12), K3, Z1
	SPLIT(DX, 1024)
	VMOVUPS Z20, (R13)
	ADDQ $128, R11
	ADDQ $128, R12
	ADDQ $64, R13
	ADDQ SI, DX
	DECQ R14
	JNZ  whole

rest:
	TESTQ R10, R10
	JZ   nextPair
	KANDW K1, K5, K2
	KANDW K3, K5, K4
	VMOVUPS (R13), Z20
	VMOVUPS.Z (R11), K2, Z0
	VMOVUPS.Z (R12), K4, Z1
	SPLIT(DX, 0)
	KANDW K1, K6, K2
	KANDW K3, K6, K4
	VMOVUPS.Z 64(R11), K2, Z0
	VMOVUPS.Z 64(R12), K4, Z1
	SPLIT(DX, 1024)
	VMOVUPS Z20, (R13)

nextPair:
	SUBQ $2, CX
	JLE  last
	LEAQ (AX)(R8*2), AX

last:
	ADDQ $64, DI
	INCQ R15
	CMPQ R15, $16
	JLT  pair
	XORQ R15, R15
	ADDQ $5120, DI // past the other five tiles of the step
	TESTQ CX, CX
	JG   pair
	VZEROUPPER
	RET
