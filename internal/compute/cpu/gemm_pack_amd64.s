//go:build !noasm

#include "textflag.h"

// LANES collects four elements each of four rows in the four lanes of z.
#define LANES(m0, m1, m2, m3, x, z) \
	VMOVUPS m0, x; \
	VINSERTF32X4 $1, m1, z, z; \
	VINSERTF32X4 $2, m2, z, z; \
	VINSERTF32X4 $3, m3, z, z

// func transpose16x4AVX512(dst *float32, ldd int, src *float32, lds, blocks int)
//
// Each block turns 16 rows of 4 elements of src into 4 rows of 16 elements of dst. Loads put the lanes
// in place, so that only eight instructions need the one port that shuffles.
TEXT ·transpose16x4AVX512(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), SI
	MOVQ src+16(FP), AX
	MOVQ lds+24(FP), R8
	MOVQ blocks+32(FP), CX
	SHLQ $2, SI
	SHLQ $2, R8
	LEAQ (SI)(SI*2), DX
	LEAQ (R8)(R8*2), R9
	LEAQ (AX)(R8*4), R10
	LEAQ (AX)(R8*8), R11
	LEAQ (R10)(R8*8), R12

block:
	LANES((AX), (R10), (R11), (R12), X0, Z0)
	LANES((AX)(R8*1), (R10)(R8*1), (R11)(R8*1), (R12)(R8*1), X1, Z1)
	LANES((AX)(R8*2), (R10)(R8*2), (R11)(R8*2), (R12)(R8*2), X2, Z2)
	LANES((AX)(R9*1), (R10)(R9*1), (R11)(R9*1), (R12)(R9*1), X3, Z3)
	VUNPCKLPS Z1, Z0, Z4 // in each lane: a0 b0 a1 b1
	VUNPCKHPS Z1, Z0, Z5 // a2 b2 a3 b3
	VUNPCKLPS Z3, Z2, Z6 // c0 d0 c1 d1
	VUNPCKHPS Z3, Z2, Z7 // c2 d2 c3 d3
	VSHUFPS $0x44, Z6, Z4, Z8 // a0 b0 c0 d0
	VSHUFPS $0xee, Z6, Z4, Z9
	VSHUFPS $0x44, Z7, Z5, Z10
	VSHUFPS $0xee, Z7, Z5, Z11
	VMOVUPS Z8, (DI)
	VMOVUPS Z9, (DI)(SI*1)
	VMOVUPS Z10, (DI)(SI*2)
	VMOVUPS Z11, (DI)(DX*1)
	LEAQ (DI)(SI*4), DI
	ADDQ $16, AX
	ADDQ $16, R10
	ADDQ $16, R11
	ADDQ $16, R12
	DECQ CX
	JNZ  block
	VZEROUPPER
	RET

// func panels16AVX(dst *float32, step int, src *float32, lds, rows, count int)
//
// Copies count pieces of 16 elements of each row; pieces of a row go step elements apart, rows follow each
// other. So do the two functions below, with other widths.
TEXT ·panels16AVX(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ rows+32(FP), CX
	MOVQ count+40(FP), R8
	SHLQ $2, DX
	SHLQ $2, BX

row16:
	MOVQ SI, R9
	MOVQ DI, R10
	MOVQ R8, R11

piece16:
	VMOVUPS (R9), Y0
	VMOVUPS 32(R9), Y1
	VMOVUPS Y0, (R10)
	VMOVUPS Y1, 32(R10)
	ADDQ $64, R9
	ADDQ DX, R10
	DECQ R11
	JNZ  piece16
	ADDQ BX, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  row16
	VZEROUPPER
	RET

// func panels12AVX(dst *float32, step int, src *float32, lds, rows, count int)
TEXT ·panels12AVX(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ rows+32(FP), CX
	MOVQ count+40(FP), R8
	SHLQ $2, DX
	SHLQ $2, BX

row12:
	MOVQ SI, R9
	MOVQ DI, R10
	MOVQ R8, R11

piece12:
	VMOVUPS (R9), Y0
	VMOVUPS 32(R9), X1
	VMOVUPS Y0, (R10)
	VMOVUPS X1, 32(R10)
	ADDQ $48, R9
	ADDQ DX, R10
	DECQ R11
	JNZ  piece12
	ADDQ BX, SI
	ADDQ $48, DI
	DECQ CX
	JNZ  row12
	VZEROUPPER
	RET

// func panels32AVX(dst *float32, step int, src *float32, lds, rows, count int)
TEXT ·panels32AVX(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ step+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ rows+32(FP), CX
	MOVQ count+40(FP), R8
	SHLQ $2, DX
	SHLQ $2, BX

row32:
	MOVQ SI, R9
	MOVQ DI, R10
	MOVQ R8, R11

piece32:
	VMOVUPS (R9), Y0
	VMOVUPS 32(R9), Y1
	VMOVUPS 64(R9), Y2
	VMOVUPS 96(R9), Y3
	VMOVUPS Y0, (R10)
	VMOVUPS Y1, 32(R10)
	VMOVUPS Y2, 64(R10)
	VMOVUPS Y3, 96(R10)
	SUBQ $-128, R9
	ADDQ DX, R10
	DECQ R11
	JNZ  piece32
	ADDQ BX, SI
	SUBQ $-128, DI
	DECQ CX
	JNZ  row32
	VZEROUPPER
	RET
