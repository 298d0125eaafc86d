//go:build !noasm

#include "textflag.h"

// The tile of AVX-512 has 12 rows and 32 columns: 24 of the 32 registers are sums. A step of the loop
// reads 32 elements of B and one of each row of A for 24 multiply-adds, so that the two ports that
// multiply are the limit and not the two that load. Rows of A lie at any distance: their addresses are
// AX plus 0 to 11 times R8, of which R9 to R13 hold the multiples 3, 5, 7, 9 and 11.

#define BOTH(mem, z0, z1) VBROADCASTSS mem, Z26; VFMADD231PS Z24, Z26, z0; VFMADD231PS Z25, Z26, z1
#define HALF(mem, z0) VBROADCASTSS mem, Z26; VFMADD231PS Z24, Z26, z0

#define BOTH1 BOTH((AX), Z0, Z1)
#define BOTH2 BOTH1; BOTH((AX)(R8*1), Z2, Z3)
#define BOTH3 BOTH2; BOTH((AX)(R8*2), Z4, Z5)
#define BOTH4 BOTH3; BOTH((AX)(R9*1), Z6, Z7)
#define BOTH5 BOTH4; BOTH((AX)(R8*4), Z8, Z9)
#define BOTH6 BOTH5; BOTH((AX)(R10*1), Z10, Z11)
#define BOTH7 BOTH6; BOTH((AX)(R9*2), Z12, Z13)
#define BOTH8 BOTH7; BOTH((AX)(R11*1), Z14, Z15)
#define BOTH9 BOTH8; BOTH((AX)(R8*8), Z16, Z17)
#define BOTH10 BOTH9; BOTH((AX)(R12*1), Z18, Z19)
#define BOTH11 BOTH10; BOTH((AX)(R10*2), Z20, Z21)
#define BOTH12 BOTH11; BOTH((AX)(R13*1), Z22, Z23)

#define HALF1 HALF((AX), Z0)
#define HALF2 HALF1; HALF((AX)(R8*1), Z2)
#define HALF3 HALF2; HALF((AX)(R8*2), Z4)
#define HALF4 HALF3; HALF((AX)(R9*1), Z6)
#define HALF5 HALF4; HALF((AX)(R8*4), Z8)
#define HALF6 HALF5; HALF((AX)(R10*1), Z10)
#define HALF7 HALF6; HALF((AX)(R9*2), Z12)
#define HALF8 HALF7; HALF((AX)(R11*1), Z14)
#define HALF9 HALF8; HALF((AX)(R8*8), Z16)
#define HALF10 HALF9; HALF((AX)(R12*1), Z18)
#define HALF11 HALF10; HALF((AX)(R10*2), Z20)
#define HALF12 HALF11; HALF((AX)(R13*1), Z22)

#define LOOP32(label, rows) \
label: \
	VMOVUPS (BX), Z24; \
	VMOVUPS 64(BX), Z25; \
	rows; \
	ADDQ SI, AX; \
	ADDQ $128, BX; \
	DECQ CX; \
	JNZ  label; \
	JMP  store

#define STEP12(at) \
	VMOVUPS at(BX), Z24; \
	VMOVUPS (at+64)(BX), Z25; \
	BOTH12; \
	ADDQ SI, AX

#define LOOP16(label, rows) \
label: \
	VMOVUPS (BX), Z24; \
	rows; \
	ADDQ SI, AX; \
	ADDQ $128, BX; \
	DECQ CX; \
	JNZ  label; \
	JMP  store

#define STORE(z0, z1) \
	VMULPS Z31, z0, z0; \
	VMULPS Z31, z1, z1; \
	VMOVUPS z0, K1, (DI); \
	VMOVUPS z1, K2, 64(DI); \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

#define ADD(z0, z1) \
	VMOVUPS.Z (DX), K1, Z24; \
	VMOVUPS.Z 64(DX), K2, Z25; \
	VMULPS Z30, Z24, Z24; \
	VMULPS Z30, Z25, Z25; \
	VFMADD231PS z0, Z31, Z24; \
	VFMADD231PS z1, Z31, Z25; \
	VMOVUPS Z24, K1, (DI); \
	VMOVUPS Z25, K2, 64(DI); \
	ADDQ SI, DX; \
	ADDQ SI, DI; \
	DECQ R15; \
	JZ   done

// func gemm12x32AVX512(kc int, a *float32, rs, cs int, b, c *float32, ldc int, d *float32, alpha, beta float32, rows, cols int)
TEXT ·gemm12x32AVX512(SB), NOSPLIT, $0-88
	MOVQ kc+0(FP), CX
	MOVQ a+8(FP), AX
	MOVQ rs+16(FP), R8
	MOVQ cs+24(FP), SI
	MOVQ b+32(FP), BX
	MOVQ rows+72(FP), R15
	SHLQ $2, R8
	SHLQ $2, SI
	LEAQ (R8)(R8*2), R9
	LEAQ (R8)(R8*4), R10
	LEAQ (R9)(R8*4), R11
	LEAQ (R8)(R8*8), R12
	LEAQ (R9)(R8*8), R13

	// The rows of C, or of D where it is added, will be needed at the end.
	MOVQ c+40(FP), DI
	MOVQ d+56(FP), DX
	TESTQ DX, DX
	CMOVQNE DX, DI
	MOVQ ldc+48(FP), DX
	SHLQ $2, DX
	MOVQ R15, R14

fetch:
	PREFETCHT0 (DI)
	PREFETCHT0 64(DI)
	ADDQ DX, DI
	DECQ R14
	JNZ  fetch

	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
	VPXORD Z16, Z16, Z16
	VPXORD Z17, Z17, Z17
	VPXORD Z18, Z18, Z18
	VPXORD Z19, Z19, Z19
	VPXORD Z20, Z20, Z20
	VPXORD Z21, Z21, Z21
	VPXORD Z22, Z22, Z22
	VPXORD Z23, Z23, Z23

	MOVQ cols+80(FP), R14
	CMPQ R14, $16
	JLE  narrow
	CMPQ R15, $12
	JEQ  wide12
	CMPQ R15, $8
	JEQ  wide8
	CMPQ R15, $4
	JEQ  wide4
	CMPQ R15, $11
	JEQ  wide11
	CMPQ R15, $10
	JEQ  wide10
	CMPQ R15, $9
	JEQ  wide9
	CMPQ R15, $7
	JEQ  wide7
	CMPQ R15, $6
	JEQ  wide6
	CMPQ R15, $5
	JEQ  wide5
	CMPQ R15, $3
	JEQ  wide3
	CMPQ R15, $2
	JEQ  wide2
	LOOP32(wide1, BOTH1)
	LOOP32(wide2, BOTH2)
	LOOP32(wide3, BOTH3)
	LOOP32(wide4, BOTH4)
	LOOP32(wide5, BOTH5)
	LOOP32(wide6, BOTH6)
	LOOP32(wide7, BOTH7)
	LOOP32(wide8, BOTH8)
	LOOP32(wide9, BOTH9)
	LOOP32(wide10, BOTH10)
	LOOP32(wide11, BOTH11)

	// Four steps at a time: additions of addresses compete for the ports that multiply.
wide12:
	SHRQ $2, CX
	JZ   rest12
	PCALIGN $32

four12:
	STEP12(0)
	STEP12(128)
	STEP12(256)
	STEP12(384)
	ADDQ $512, BX
	DECQ CX
	JNZ  four12

rest12:
	MOVQ kc+0(FP), CX
	ANDQ $3, CX
	JZ   store
	LOOP32(one12, BOTH12)

narrow:
	CMPQ R15, $12
	JEQ  narrow12
	CMPQ R15, $8
	JEQ  narrow8
	CMPQ R15, $4
	JEQ  narrow4
	CMPQ R15, $11
	JEQ  narrow11
	CMPQ R15, $10
	JEQ  narrow10
	CMPQ R15, $9
	JEQ  narrow9
	CMPQ R15, $7
	JEQ  narrow7
	CMPQ R15, $6
	JEQ  narrow6
	CMPQ R15, $5
	JEQ  narrow5
	CMPQ R15, $3
	JEQ  narrow3
	CMPQ R15, $2
	JEQ  narrow2
	LOOP16(narrow1, HALF1)
	LOOP16(narrow2, HALF2)
	LOOP16(narrow3, HALF3)
	LOOP16(narrow4, HALF4)
	LOOP16(narrow5, HALF5)
	LOOP16(narrow6, HALF6)
	LOOP16(narrow7, HALF7)
	LOOP16(narrow8, HALF8)
	LOOP16(narrow9, HALF9)
	LOOP16(narrow10, HALF10)
	LOOP16(narrow11, HALF11)
	LOOP16(narrow12, HALF12)

store:
	MOVQ $-1, AX
	BZHIQ R14, AX, AX // the columns that C has
	KMOVW AX, K1
	SHRQ $16, AX
	KMOVW AX, K2
	MOVQ c+40(FP), DI
	MOVQ ldc+48(FP), SI
	SHLQ $2, SI
	VBROADCASTSS alpha+64(FP), Z31
	MOVQ d+56(FP), DX
	TESTQ DX, DX
	JNZ  add
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	STORE(Z12, Z13)
	STORE(Z14, Z15)
	STORE(Z16, Z17)
	STORE(Z18, Z19)
	STORE(Z20, Z21)
	STORE(Z22, Z23)

add:
	VBROADCASTSS beta+68(FP), Z30
	ADD(Z0, Z1)
	ADD(Z2, Z3)
	ADD(Z4, Z5)
	ADD(Z6, Z7)
	ADD(Z8, Z9)
	ADD(Z10, Z11)
	ADD(Z12, Z13)
	ADD(Z14, Z15)
	ADD(Z16, Z17)
	ADD(Z18, Z19)
	ADD(Z20, Z21)
	ADD(Z22, Z23)

done:
	VZEROUPPER
	RET
