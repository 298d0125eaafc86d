//go:build !noasm

#include "textflag.h"

// A strip is a few rows of C = A B with A read where it lies: element (i, x) of A is a[i*ai + x*ax], so
// A may be transposed or not and is never packed. B has rows of ldb elements. A function computes groups
// of columns, one after the other: from one to the next b moves by bstep elements, c by the group's width.
// Registers: SI and R8, R9 are A and its rows 0 and 4, AX and R11 B, DI and R9 C.

#define ARGUMENTS \
	MOVQ a+8(FP), SI; \
	MOVQ ai+16(FP), BX; \
	MOVQ ax+24(FP), DX; \
	MOVQ b+32(FP), AX; \
	MOVQ ldb+40(FP), R12; \
	MOVQ c+56(FP), DI; \
	MOVQ ldc+64(FP), R13; \
	MOVQ groups+72(FP), R15; \
	SHLQ $2, BX; \
	SHLQ $2, DX; \
	SHLQ $2, R12; \
	SHLQ $2, R13; \
	LEAQ (BX)(BX*2), R10; \
	LEAQ (R13)(R13*2), R14

#define BEGIN \
	MOVQ k+0(FP), CX; \
	MOVQ SI, R8; \
	LEAQ (SI)(BX*4), R9; \
	MOVQ AX, R11

#define NEXT \
	ADDQ DX, R8; \
	ADDQ DX, R9; \
	ADDQ R12, R11; \
	DECQ CX

#define END(width) \
	MOVQ bstep+48(FP), CX; \
	LEAQ (AX)(CX*4), AX; \
	ADDQ $(4*width), DI; \
	DECQ R15

#define ACCUMULATES \
	LEAQ (DI)(R13*4), R9; \
	MOVBLZX accumulate+80(FP), CX; \
	TESTL CX, CX

#define CLEAR3(z0, z1, z2) \
	VPXORD z0, z0, z0; \
	VPXORD z1, z1, z1; \
	VPXORD z2, z2, z2

#define MUL3(t, z0, z1, z2) \
	VFMADD231PS Z24, t, z0; \
	VFMADD231PS Z25, t, z1; \
	VFMADD231PS Z26, t, z2

#define ADD3(row, z0, z1, z2) \
	VADDPS row, z0, z0; \
	VADDPS 64+row, z1, z1; \
	VADDPS 128+row, z2, z2

#define STORE3(row, z0, z1, z2) \
	VMOVUPS z0, row; \
	VMOVUPS z1, 64+row; \
	VMOVUPS z2, 128+row

// func strip8x48AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)
TEXT ·strip8x48AVX512(SB), NOSPLIT, $0-81
	ARGUMENTS

group48:
	BEGIN
	CLEAR3(Z0, Z1, Z2)
	CLEAR3(Z3, Z4, Z5)
	CLEAR3(Z6, Z7, Z8)
	CLEAR3(Z9, Z10, Z11)
	CLEAR3(Z12, Z13, Z14)
	CLEAR3(Z15, Z16, Z17)
	CLEAR3(Z18, Z19, Z20)
	CLEAR3(Z21, Z22, Z23)

depth48:
	VMOVUPS (R11), Z24
	VMOVUPS 64(R11), Z25
	VMOVUPS 128(R11), Z26
	VBROADCASTSS (R8), Z27
	VBROADCASTSS (R8)(BX*1), Z28
	VBROADCASTSS (R8)(BX*2), Z29
	VBROADCASTSS (R8)(R10*1), Z30
	MUL3(Z27, Z0, Z1, Z2)
	MUL3(Z28, Z3, Z4, Z5)
	MUL3(Z29, Z6, Z7, Z8)
	MUL3(Z30, Z9, Z10, Z11)
	VBROADCASTSS (R9), Z27
	VBROADCASTSS (R9)(BX*1), Z28
	VBROADCASTSS (R9)(BX*2), Z29
	VBROADCASTSS (R9)(R10*1), Z30
	MUL3(Z27, Z12, Z13, Z14)
	MUL3(Z28, Z15, Z16, Z17)
	MUL3(Z29, Z18, Z19, Z20)
	MUL3(Z30, Z21, Z22, Z23)
	NEXT
	JNZ depth48

	ACCUMULATES
	JZ store48
	ADD3(0(DI), Z0, Z1, Z2)
	ADD3(0(DI)(R13*1), Z3, Z4, Z5)
	ADD3(0(DI)(R13*2), Z6, Z7, Z8)
	ADD3(0(DI)(R14*1), Z9, Z10, Z11)
	ADD3(0(R9), Z12, Z13, Z14)
	ADD3(0(R9)(R13*1), Z15, Z16, Z17)
	ADD3(0(R9)(R13*2), Z18, Z19, Z20)
	ADD3(0(R9)(R14*1), Z21, Z22, Z23)

store48:
	STORE3(0(DI), Z0, Z1, Z2)
	STORE3(0(DI)(R13*1), Z3, Z4, Z5)
	STORE3(0(DI)(R13*2), Z6, Z7, Z8)
	STORE3(0(DI)(R14*1), Z9, Z10, Z11)
	STORE3(0(R9), Z12, Z13, Z14)
	STORE3(0(R9)(R13*1), Z15, Z16, Z17)
	STORE3(0(R9)(R13*2), Z18, Z19, Z20)
	STORE3(0(R9)(R14*1), Z21, Z22, Z23)
	END(48)
	JNZ group48
	VZEROUPPER
	RET

#define MUL2(t, z0, z1) \
	VFMADD231PS Z24, t, z0; \
	VFMADD231PS Z25, t, z1

#define ADD2(row, z0, z1) \
	VADDPS row, z0, z0; \
	VADDPS 64+row, z1, z1

#define STORE2(row, z0, z1) \
	VMOVUPS z0, row; \
	VMOVUPS z1, 64+row

// func strip8x32AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)
TEXT ·strip8x32AVX512(SB), NOSPLIT, $0-81
	ARGUMENTS

group32:
	BEGIN
	CLEAR3(Z0, Z1, Z2)
	CLEAR3(Z3, Z4, Z5)
	CLEAR3(Z6, Z7, Z8)
	CLEAR3(Z9, Z10, Z11)
	CLEAR3(Z12, Z13, Z14)
	VPXORD Z15, Z15, Z15

depth32:
	VMOVUPS (R11), Z24
	VMOVUPS 64(R11), Z25
	VBROADCASTSS (R8), Z26
	VBROADCASTSS (R8)(BX*1), Z27
	VBROADCASTSS (R8)(BX*2), Z28
	VBROADCASTSS (R8)(R10*1), Z29
	MUL2(Z26, Z0, Z1)
	MUL2(Z27, Z2, Z3)
	MUL2(Z28, Z4, Z5)
	MUL2(Z29, Z6, Z7)
	VBROADCASTSS (R9), Z26
	VBROADCASTSS (R9)(BX*1), Z27
	VBROADCASTSS (R9)(BX*2), Z28
	VBROADCASTSS (R9)(R10*1), Z29
	MUL2(Z26, Z8, Z9)
	MUL2(Z27, Z10, Z11)
	MUL2(Z28, Z12, Z13)
	MUL2(Z29, Z14, Z15)
	NEXT
	JNZ depth32

	ACCUMULATES
	JZ store32
	ADD2(0(DI), Z0, Z1)
	ADD2(0(DI)(R13*1), Z2, Z3)
	ADD2(0(DI)(R13*2), Z4, Z5)
	ADD2(0(DI)(R14*1), Z6, Z7)
	ADD2(0(R9), Z8, Z9)
	ADD2(0(R9)(R13*1), Z10, Z11)
	ADD2(0(R9)(R13*2), Z12, Z13)
	ADD2(0(R9)(R14*1), Z14, Z15)

store32:
	STORE2(0(DI), Z0, Z1)
	STORE2(0(DI)(R13*1), Z2, Z3)
	STORE2(0(DI)(R13*2), Z4, Z5)
	STORE2(0(DI)(R14*1), Z6, Z7)
	STORE2(0(R9), Z8, Z9)
	STORE2(0(R9)(R13*1), Z10, Z11)
	STORE2(0(R9)(R13*2), Z12, Z13)
	STORE2(0(R9)(R14*1), Z14, Z15)
	END(32)
	JNZ group32
	VZEROUPPER
	RET

// func strip8x16AVX512(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)
TEXT ·strip8x16AVX512(SB), NOSPLIT, $0-81
	ARGUMENTS

group16:
	BEGIN
	CLEAR3(Z0, Z1, Z2)
	CLEAR3(Z3, Z4, Z5)
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7

depth16:
	VMOVUPS (R11), Z24
	VFMADD231PS.BCST (R8), Z24, Z0
	VFMADD231PS.BCST (R8)(BX*1), Z24, Z1
	VFMADD231PS.BCST (R8)(BX*2), Z24, Z2
	VFMADD231PS.BCST (R8)(R10*1), Z24, Z3
	VFMADD231PS.BCST (R9), Z24, Z4
	VFMADD231PS.BCST (R9)(BX*1), Z24, Z5
	VFMADD231PS.BCST (R9)(BX*2), Z24, Z6
	VFMADD231PS.BCST (R9)(R10*1), Z24, Z7
	NEXT
	JNZ depth16

	ACCUMULATES
	JZ store16
	VADDPS (DI), Z0, Z0
	VADDPS (DI)(R13*1), Z1, Z1
	VADDPS (DI)(R13*2), Z2, Z2
	VADDPS (DI)(R14*1), Z3, Z3
	VADDPS (R9), Z4, Z4
	VADDPS (R9)(R13*1), Z5, Z5
	VADDPS (R9)(R13*2), Z6, Z6
	VADDPS (R9)(R14*1), Z7, Z7

store16:
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, (DI)(R13*1)
	VMOVUPS Z2, (DI)(R13*2)
	VMOVUPS Z3, (DI)(R14*1)
	VMOVUPS Z4, (R9)
	VMOVUPS Z5, (R9)(R13*1)
	VMOVUPS Z6, (R9)(R13*2)
	VMOVUPS Z7, (R9)(R14*1)
	END(16)
	JNZ group16
	VZEROUPPER
	RET

#define CLEARY(y0, y1, y2, y3) \
	VXORPS y0, y0, y0; \
	VXORPS y1, y1, y1; \
	VXORPS y2, y2, y2; \
	VXORPS y3, y3, y3

#define MULY2(t, y0, y1) \
	VFMADD231PS Y12, t, y0; \
	VFMADD231PS Y13, t, y1

#define ADDY2(row, y0, y1) \
	VADDPS row, y0, y0; \
	VADDPS 32+row, y1, y1

#define STOREY2(row, y0, y1) \
	VMOVUPS y0, row; \
	VMOVUPS y1, 32+row

// func strip6x16AVX2(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)
TEXT ·strip6x16AVX2(SB), NOSPLIT, $0-81
	ARGUMENTS

group2:
	BEGIN
	CLEARY(Y0, Y1, Y2, Y3)
	CLEARY(Y4, Y5, Y6, Y7)
	CLEARY(Y8, Y9, Y10, Y11)

depth2:
	VMOVUPS (R11), Y12
	VMOVUPS 32(R11), Y13
	VBROADCASTSS (R8), Y14
	VBROADCASTSS (R8)(BX*1), Y15
	MULY2(Y14, Y0, Y1)
	MULY2(Y15, Y2, Y3)
	VBROADCASTSS (R8)(BX*2), Y14
	VBROADCASTSS (R8)(R10*1), Y15
	MULY2(Y14, Y4, Y5)
	MULY2(Y15, Y6, Y7)
	VBROADCASTSS (R9), Y14
	VBROADCASTSS (R9)(BX*1), Y15
	MULY2(Y14, Y8, Y9)
	MULY2(Y15, Y10, Y11)
	NEXT
	JNZ depth2

	ACCUMULATES
	JZ store2
	ADDY2(0(DI), Y0, Y1)
	ADDY2(0(DI)(R13*1), Y2, Y3)
	ADDY2(0(DI)(R13*2), Y4, Y5)
	ADDY2(0(DI)(R14*1), Y6, Y7)
	ADDY2(0(R9), Y8, Y9)
	ADDY2(0(R9)(R13*1), Y10, Y11)

store2:
	STOREY2(0(DI), Y0, Y1)
	STOREY2(0(DI)(R13*1), Y2, Y3)
	STOREY2(0(DI)(R13*2), Y4, Y5)
	STOREY2(0(DI)(R14*1), Y6, Y7)
	STOREY2(0(R9), Y8, Y9)
	STOREY2(0(R9)(R13*1), Y10, Y11)
	END(16)
	JNZ group2
	VZEROUPPER
	RET

// func strip6x8AVX2(k int, a *float32, ai, ax int, b *float32, ldb, bstep int, c *float32, ldc, groups int, accumulate bool)
TEXT ·strip6x8AVX2(SB), NOSPLIT, $0-81
	ARGUMENTS

group1:
	BEGIN
	CLEARY(Y0, Y1, Y2, Y3)
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5

depth1:
	VMOVUPS (R11), Y12
	VBROADCASTSS (R8), Y6
	VBROADCASTSS (R8)(BX*1), Y7
	VBROADCASTSS (R8)(BX*2), Y8
	VBROADCASTSS (R8)(R10*1), Y9
	VBROADCASTSS (R9), Y10
	VBROADCASTSS (R9)(BX*1), Y11
	VFMADD231PS Y12, Y6, Y0
	VFMADD231PS Y12, Y7, Y1
	VFMADD231PS Y12, Y8, Y2
	VFMADD231PS Y12, Y9, Y3
	VFMADD231PS Y12, Y10, Y4
	VFMADD231PS Y12, Y11, Y5
	NEXT
	JNZ depth1

	ACCUMULATES
	JZ store1
	VADDPS (DI), Y0, Y0
	VADDPS (DI)(R13*1), Y1, Y1
	VADDPS (DI)(R13*2), Y2, Y2
	VADDPS (DI)(R14*1), Y3, Y3
	VADDPS (R9), Y4, Y4
	VADDPS (R9)(R13*1), Y5, Y5

store1:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(R13*1)
	VMOVUPS Y2, (DI)(R13*2)
	VMOVUPS Y3, (DI)(R14*1)
	VMOVUPS Y4, (R9)
	VMOVUPS Y5, (R9)(R13*1)
	END(8)
	JNZ group1
	VZEROUPPER
	RET
