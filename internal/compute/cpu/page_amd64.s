//go:build !noasm

#include "textflag.h"
#include "exp_amd64.h"

// func score8AVX(dim int, keys *float32, ldk int, q, s, ahead *float32)
//
// Y0..Y7 are the scores of one key each with eight queries. DX walks over keys that are needed later, 32 bytes for an
// element, as many as eight keys have where they lie close.
TEXT ·score8AVX(SB), NOSPLIT, $0-48
	MOVQ dim+0(FP), CX
	MOVQ keys+8(FP), AX
	MOVQ ldk+16(FP), R8
	MOVQ q+24(FP), BX
	MOVQ s+32(FP), DI
	MOVQ ahead+40(FP), DX
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R13
	LEAQ (AX)(R8*4), R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

score8:
	PREFETCHT0 (DX)
	ADDQ $32, DX
	VMOVUPS (BX), Y8
	VBROADCASTSS (AX), Y9
	VFMADD231PS Y8, Y9, Y0
	VBROADCASTSS (AX)(R8*1), Y10
	VFMADD231PS Y8, Y10, Y1
	VBROADCASTSS (AX)(R8*2), Y11
	VFMADD231PS Y8, Y11, Y2
	VBROADCASTSS (AX)(R13*1), Y12
	VFMADD231PS Y8, Y12, Y3
	VBROADCASTSS (R12), Y9
	VFMADD231PS Y8, Y9, Y4
	VBROADCASTSS (R12)(R8*1), Y10
	VFMADD231PS Y8, Y10, Y5
	VBROADCASTSS (R12)(R8*2), Y11
	VFMADD231PS Y8, Y11, Y6
	VBROADCASTSS (R12)(R13*1), Y12
	VFMADD231PS Y8, Y12, Y7
	ADDQ $4, AX
	ADDQ $4, R12
	ADDQ $32, BX
	DECQ CX
	JNZ  score8

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	VZEROUPPER
	RET

// Neighbouring pairs out of two rows of eight.
DATA pairUp<>+0(SB)/4, $0
DATA pairUp<>+4(SB)/4, $8
DATA pairUp<>+8(SB)/4, $1
DATA pairUp<>+12(SB)/4, $9
DATA pairUp<>+16(SB)/4, $2
DATA pairUp<>+20(SB)/4, $10
DATA pairUp<>+24(SB)/4, $3
DATA pairUp<>+28(SB)/4, $11
DATA pairUp<>+32(SB)/4, $4
DATA pairUp<>+36(SB)/4, $12
DATA pairUp<>+40(SB)/4, $5
DATA pairUp<>+44(SB)/4, $13
DATA pairUp<>+48(SB)/4, $6
DATA pairUp<>+52(SB)/4, $14
DATA pairUp<>+56(SB)/4, $7
DATA pairUp<>+60(SB)/4, $15
GLOBL pairUp<>(SB), RODATA|NOPTR, $64

// Eight-byte pieces of two keys, which take turns, one key after the other.
DATA keyOut<>+0(SB)/8, $0
DATA keyOut<>+8(SB)/8, $2
DATA keyOut<>+16(SB)/8, $4
DATA keyOut<>+24(SB)/8, $6
DATA keyOut<>+32(SB)/8, $1
DATA keyOut<>+40(SB)/8, $3
DATA keyOut<>+48(SB)/8, $5
DATA keyOut<>+56(SB)/8, $7
GLOBL keyOut<>(SB), RODATA|NOPTR, $64

// func pairAVX512(pairs int, q *float32)
//
// Two rows of eight become one of eight pairs.
TEXT ·pairAVX512(SB), NOSPLIT, $0-16
	MOVQ pairs+0(FP), CX
	MOVQ q+8(FP), AX
	VMOVDQU32 pairUp<>(SB), Z30

pair:
	VPERMPS (AX), Z30, Z0
	VMOVUPS Z0, (AX)
	ADDQ $64, AX
	DECQ CX
	JNZ  pair
	VZEROUPPER
	RET

// KEYSOUT adds the sums of even and odd elements of two keys and stores them.
#define KEYSOUT(at, a, b) \
	VSHUFPS $0x88, b, a, Z16 \
	VSHUFPS $0xDD, b, a, Z17 \
	VADDPS Z17, Z16, Z16     \
	VPERMQ Z16, Z31, Z16     \
	VMOVUPS Z16, at(DI)

// func score16AVX512(pairs int, keys *float32, ldk int, q, s, ahead *float32)
//
// Z0..Z15 are the sums of one key each with eight queries, those of even elements beside those of odd ones: one load
// brings two elements of a key, which is what keeps the multipliers busy. DX walks over keys that are needed later,
// 128 bytes for two elements, as many as sixteen keys have where they lie close.
TEXT ·score16AVX512(SB), NOSPLIT, $0-48
	MOVQ pairs+0(FP), CX
	MOVQ keys+8(FP), AX
	MOVQ ldk+16(FP), R8
	MOVQ q+24(FP), BX
	MOVQ s+32(FP), DI
	MOVQ ahead+40(FP), DX
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R13
	LEAQ (AX)(R8*4), R9
	LEAQ (R9)(R8*4), R10
	LEAQ (R10)(R8*4), R11
	VMOVDQU64 keyOut<>(SB), Z31
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

score16:
	VMOVUPS (BX), Z16
	PREFETCHT1 (DX)
	PREFETCHT1 64(DX)
	VBROADCASTSD (AX), Z17
	VFMADD231PS Z16, Z17, Z0
	VBROADCASTSD (AX)(R8*1), Z18
	VFMADD231PS Z16, Z18, Z1
	VBROADCASTSD (AX)(R8*2), Z19
	VFMADD231PS Z16, Z19, Z2
	VBROADCASTSD (AX)(R13*1), Z20
	VFMADD231PS Z16, Z20, Z3
	VBROADCASTSD (R9), Z21
	VFMADD231PS Z16, Z21, Z4
	VBROADCASTSD (R9)(R8*1), Z22
	VFMADD231PS Z16, Z22, Z5
	VBROADCASTSD (R9)(R8*2), Z23
	VFMADD231PS Z16, Z23, Z6
	VBROADCASTSD (R9)(R13*1), Z24
	VFMADD231PS Z16, Z24, Z7
	VBROADCASTSD (R10), Z25
	VFMADD231PS Z16, Z25, Z8
	VBROADCASTSD (R10)(R8*1), Z26
	VFMADD231PS Z16, Z26, Z9
	VBROADCASTSD (R10)(R8*2), Z27
	VFMADD231PS Z16, Z27, Z10
	VBROADCASTSD (R10)(R13*1), Z28
	VFMADD231PS Z16, Z28, Z11
	VBROADCASTSD (R11), Z29
	VFMADD231PS Z16, Z29, Z12
	VBROADCASTSD (R11)(R8*1), Z30
	VFMADD231PS Z16, Z30, Z13
	VBROADCASTSD (R11)(R8*2), Z17
	VFMADD231PS Z16, Z17, Z14
	VBROADCASTSD (R11)(R13*1), Z18
	VFMADD231PS Z16, Z18, Z15
	ADDQ $8, AX
	ADDQ $8, R9
	ADDQ $8, R10
	ADDQ $8, R11
	ADDQ $64, BX
	ADDQ $128, DX
	DECQ CX
	JNZ  score16

	KEYSOUT(0, Z0, Z1)
	KEYSOUT(64, Z2, Z3)
	KEYSOUT(128, Z4, Z5)
	KEYSOUT(192, Z6, Z7)
	KEYSOUT(256, Z8, Z9)
	KEYSOUT(320, Z10, Z11)
	KEYSOUT(384, Z12, Z13)
	KEYSOUT(448, Z14, Z15)
	VZEROUPPER
	RET

DATA leastFinite<>+0(SB)/4, $0xff7fffff
GLOBL leastFinite<>(SB), RODATA|NOPTR, $4

// func softmax8AVX512(rows int, s, peak, sum *float32)
//
// Two rows of eight columns at a time, rows a multiple of eight.
TEXT ·softmax8AVX512(SB), NOSPLIT, $0-32
	MOVQ rows+0(FP), CX
	MOVQ s+8(FP), SI
	MOVQ peak+16(FP), DI
	MOVQ sum+24(FP), R8
	CONSTANTS512
	VBROADCASTSS leastFinite<>(SB), Z0
	VMOVAPS Z0, Z1
	VMOVAPS Z0, Z2
	VMOVAPS Z0, Z3
	MOVQ SI, AX
	MOVQ CX, DX

peak512:
	VMAXPS (AX), Z0, Z0
	VMAXPS 64(AX), Z1, Z1
	VMAXPS 128(AX), Z2, Z2
	VMAXPS 192(AX), Z3, Z3
	ADDQ $256, AX
	SUBQ $8, DX
	JNZ  peak512
	VMAXPS Z1, Z0, Z0
	VMAXPS Z3, Z2, Z2
	VMAXPS Z2, Z0, Z0
	VSHUFF64X2 $0x4E, Z0, Z0, Z1 // the halves exchanged
	VMAXPS Z1, Z0, Z16
	VMOVUPS Y16, (DI)
	VPXORD Z0, Z0, Z0
	VPXORD Z5, Z5, Z5

exp512:
	VMOVUPS (SI), Z1
	VMOVUPS 64(SI), Z6
	VSUBPS Z16, Z1, Z1
	VSUBPS Z16, Z6, Z6
	EXP512(Z1, Z2, Z3, Z4)
	EXP512(Z6, Z7, Z8, Z9)
	VMOVUPS Z1, (SI)
	VMOVUPS Z6, 64(SI)
	VADDPS Z1, Z0, Z0
	VADDPS Z6, Z5, Z5
	ADDQ $128, SI
	SUBQ $4, CX
	JNZ  exp512
	VADDPS Z5, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y1, Y0, Y0
	VMOVUPS Y0, (R8)
	VZEROUPPER
	RET

// func softmax8AVX2(rows int, s, peak, sum *float32)
//
// One row of eight columns at a time, rows a multiple of four.
TEXT ·softmax8AVX2(SB), NOSPLIT, $0-32
	MOVQ rows+0(FP), CX
	MOVQ s+8(FP), SI
	MOVQ peak+16(FP), DI
	MOVQ sum+24(FP), R8
	VBROADCASTSS leastFinite<>(SB), Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	MOVQ SI, AX
	MOVQ CX, DX

peak256:
	VMAXPS (AX), Y0, Y0
	VMAXPS 32(AX), Y1, Y1
	VMAXPS 64(AX), Y2, Y2
	VMAXPS 96(AX), Y3, Y3
	ADDQ $128, AX
	SUBQ $4, DX
	JNZ  peak256
	VMAXPS Y1, Y0, Y0
	VMAXPS Y3, Y2, Y2
	VMAXPS Y2, Y0, Y15
	VMOVUPS Y15, (DI)
	CONSTANTS256
	VXORPS Y0, Y0, Y0

exp256:
	VMOVUPS (SI), Y1
	VSUBPS Y15, Y1, Y1
	EXP256(Y1, Y2, Y3, Y4, Y5)
	VMOVUPS Y1, (SI)
	VADDPS Y1, Y0, Y0
	ADDQ $32, SI
	DECQ CX
	JNZ  exp256
	VMOVUPS Y0, (R8)
	VZEROUPPER
	RET
