//go:build !noasm

#include "textflag.h"

// The tile of AVX2 has 6 rows and 16 columns, 12 of the 16 registers. Rows of A lie at any distance:
// AX plus 0 to 5 times R8, of which R9 and R10 hold the multiples 3 and 5.

#define ROW(mem, y0, y1) VBROADCASTSS mem, Y14; VFMADD231PS Y12, Y14, y0; VFMADD231PS Y13, Y14, y1

#define ROWS1 ROW((AX), Y0, Y1)
#define ROWS2 ROWS1; ROW((AX)(R8*1), Y2, Y3)
#define ROWS3 ROWS2; ROW((AX)(R8*2), Y4, Y5)
#define ROWS4 ROWS3; ROW((AX)(R9*1), Y6, Y7)
#define ROWS5 ROWS4; ROW((AX)(R8*4), Y8, Y9)
#define ROWS6 ROWS5; ROW((AX)(R10*1), Y10, Y11)

#define LOOP(label, rows) \
label: \
	VMOVUPS (BX), Y12; \
	VMOVUPS 32(BX), Y13; \
	rows; \
	ADDQ R11, AX; \
	ADDQ $64, BX; \
	DECQ CX; \
	JNZ  label; \
	JMP  store

#define STORE(y0, y1) \
	VMULPS Y14, y0, y0; \
	VMULPS Y14, y1, y1; \
	VMOVUPS y0, (DI); \
	VMOVUPS y1, 32(DI); \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

#define ADD(y0, y1) \
	VMULPS (DX), Y15, Y12; \
	VMULPS 32(DX), Y15, Y13; \
	VFMADD231PS y0, Y14, Y12; \
	VFMADD231PS y1, Y14, Y13; \
	VMOVUPS Y12, (DI); \
	VMOVUPS Y13, 32(DI); \
	ADDQ SI, DX; \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

// Fewer than 16 columns: Y12 and Y13 mask those that C has.

#define STOREPART(y0, y1) \
	VMULPS Y14, y0, y0; \
	VMULPS Y14, y1, y1; \
	VMASKMOVPS y0, Y12, (DI); \
	VMASKMOVPS y1, Y13, 32(DI); \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

#define ADDHALF(y, mask, at) \
	VMASKMOVPS at(DX), mask, Y14; \
	VBROADCASTSS beta+68(FP), Y15; \
	VMULPS Y15, Y14, Y14; \
	VBROADCASTSS alpha+64(FP), Y15; \
	VFMADD231PS y, Y15, Y14; \
	VMASKMOVPS Y14, mask, at(DI)

#define ADDPART(y0, y1) \
	ADDHALF(y0, Y12, 0); \
	ADDHALF(y1, Y13, 32); \
	ADDQ SI, DX; \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

DATA columns<>+0(SB)/8, $-1
DATA columns<>+8(SB)/8, $-1
DATA columns<>+16(SB)/8, $-1
DATA columns<>+24(SB)/8, $-1
DATA columns<>+32(SB)/8, $-1
DATA columns<>+40(SB)/8, $-1
DATA columns<>+48(SB)/8, $-1
DATA columns<>+56(SB)/8, $-1
DATA columns<>+64(SB)/8, $0
DATA columns<>+72(SB)/8, $0
DATA columns<>+80(SB)/8, $0
DATA columns<>+88(SB)/8, $0
DATA columns<>+96(SB)/8, $0
DATA columns<>+104(SB)/8, $0
DATA columns<>+112(SB)/8, $0
DATA columns<>+120(SB)/8, $0
GLOBL columns<>(SB), RODATA|NOPTR, $128

// func gemm6x16AVX2(kc int, a *float32, rs, cs int, b, c *float32, ldc int, d *float32, alpha, beta float32, rows, cols int)
TEXT ·gemm6x16AVX2(SB), NOSPLIT, $0-88
	MOVQ kc+0(FP), CX
	MOVQ a+8(FP), AX
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), R11
	MOVQ b+32(FP), BX
	MOVQ ldc+48(FP), SI
	MOVQ rows+72(FP), R15
	SHLQ $2, R8
	SHLQ $2, R11
	SHLQ $2, SI
	LEAQ (R8)(R8*2), R9
	LEAQ (R8)(R8*4), R10

	// The rows of C, or of D where it is added, will be needed at the end.
	MOVQ c+40(FP), DI
	MOVQ d+56(FP), DX
	TESTQ DX, DX
	CMOVQNE DX, DI
	MOVQ R15, R12

fetch:
	PREFETCHT0 (DI)
	ADDQ SI, DI
	DECQ R12
	JNZ  fetch

	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	CMPQ R15, $6
	JEQ  rows6
	CMPQ R15, $4
	JEQ  rows4
	CMPQ R15, $2
	JEQ  rows2
	CMPQ R15, $5
	JEQ  rows5
	CMPQ R15, $3
	JEQ  rows3
	LOOP(rows1, ROWS1)
	LOOP(rows2, ROWS2)
	LOOP(rows3, ROWS3)
	LOOP(rows4, ROWS4)
	LOOP(rows5, ROWS5)
	PCALIGN $32
	LOOP(rows6, ROWS6)

store:
	MOVQ c+40(FP), DI
	MOVQ d+56(FP), DX
	MOVQ cols+80(FP), AX
	VBROADCASTSS alpha+64(FP), Y14
	VBROADCASTSS beta+68(FP), Y15
	CMPQ AX, $16
	JNE  part
	TESTQ DX, DX
	JNZ  add
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)

add:
	ADD(Y0, Y1)
	ADD(Y2, Y3)
	ADD(Y4, Y5)
	ADD(Y6, Y7)
	ADD(Y8, Y9)
	ADD(Y10, Y11)

part:
	LEAQ columns<>+64(SB), BX
	SHLQ $2, AX
	SUBQ AX, BX
	VMOVUPS (BX), Y12
	VMOVUPS 32(BX), Y13
	TESTQ DX, DX
	JNZ  addpart
	STOREPART(Y0, Y1)
	STOREPART(Y2, Y3)
	STOREPART(Y4, Y5)
	STOREPART(Y6, Y7)
	STOREPART(Y8, Y9)
	STOREPART(Y10, Y11)

addpart:
	ADDPART(Y0, Y1)
	ADDPART(Y2, Y3)
	ADDPART(Y4, Y5)
	ADDPART(Y6, Y7)
	ADDPART(Y8, Y9)
	ADDPART(Y10, Y11)

done:
	VZEROUPPER
	RET
