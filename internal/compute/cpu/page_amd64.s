//go:build !noasm

#include "textflag.h"

// func lanes8AVX(dim int, keys *float32, ldk int, q, s *float32)
//
// Y0..Y7 are the scores of one key each with eight queries. DX walks over the eight keys after the next
// eight to fetch them in time: 32 bytes for each element, as many as those keys have where they lie close.
TEXT ·lanes8AVX(SB), NOSPLIT, $0-40
	MOVQ dim+0(FP), CX
	MOVQ keys+8(FP), AX
	MOVQ ldk+16(FP), R8
	MOVQ q+24(FP), BX
	MOVQ s+32(FP), DI
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R13
	LEAQ (AX)(R8*4), R12
	LEAQ (R12)(R8*8), DX
	LEAQ (DX)(R8*4), DX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

lanes:
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
	JNZ  lanes

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

DATA leastFinite<>+0(SB)/4, $0xff7fffff
GLOBL leastFinite<>(SB), RODATA|NOPTR, $4

// func laneMax8AVX(rows int, s, peak *float32)
TEXT ·laneMax8AVX(SB), NOSPLIT, $0-24
	MOVQ rows+0(FP), CX
	MOVQ s+8(FP), SI
	MOVQ peak+16(FP), DI
	VBROADCASTSS leastFinite<>(SB), Y0
	MOVQ SI, AX
	MOVQ CX, DX

laneMax:
	VMAXPS (AX), Y0, Y0
	ADDQ $32, AX
	DECQ DX
	JNZ  laneMax
	VMOVUPS Y0, (DI)

laneSub:
	VMOVUPS (SI), Y1
	VSUBPS Y0, Y1, Y1
	VMOVUPS Y1, (SI)
	ADDQ $32, SI
	DECQ CX
	JNZ  laneSub
	VZEROUPPER
	RET

// func laneSum8AVX(rows int, s, sum *float32)
TEXT ·laneSum8AVX(SB), NOSPLIT, $0-24
	MOVQ rows+0(FP), CX
	MOVQ s+8(FP), SI
	MOVQ sum+16(FP), DI
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1

laneAdd:
	VADDPS (SI), Y0, Y0
	VADDPS 32(SI), Y1, Y1
	ADDQ $64, SI
	SUBQ $2, CX
	JNZ  laneAdd
	VADDPS Y1, Y0, Y0
	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET

// Neighbouring pairs out of two rows of eight, and back.
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
DATA pairOff<>+0(SB)/4, $0
DATA pairOff<>+4(SB)/4, $2
DATA pairOff<>+8(SB)/4, $4
DATA pairOff<>+12(SB)/4, $6
DATA pairOff<>+16(SB)/4, $8
DATA pairOff<>+20(SB)/4, $10
DATA pairOff<>+24(SB)/4, $12
DATA pairOff<>+28(SB)/4, $14
DATA pairOff<>+32(SB)/4, $1
DATA pairOff<>+36(SB)/4, $3
DATA pairOff<>+40(SB)/4, $5
DATA pairOff<>+44(SB)/4, $7
DATA pairOff<>+48(SB)/4, $9
DATA pairOff<>+52(SB)/4, $11
DATA pairOff<>+56(SB)/4, $13
DATA pairOff<>+60(SB)/4, $15
GLOBL pairOff<>(SB), RODATA|NOPTR, $64

// LANESOUT adds the sums of even and odd elements of one key and stores them.
#define LANESOUT(at, z, y) \
	VPERMPS z, Z31, z           \
	VEXTRACTF64X4 $1, z, Y16    \
	VADDPS Y16, y, y            \
	VMOVUPS y, at(DI)

// func lanes8AVX512(pairs int, keys *float32, ldk int, q, s *float32)
//
// Z0..Z7 are the sums of one key each with eight queries, those of even elements beside those of odd ones:
// one load brings two elements of a key, which is what keeps the multipliers busy.
TEXT ·lanes8AVX512(SB), NOSPLIT, $0-40
	MOVQ pairs+0(FP), CX
	MOVQ keys+8(FP), AX
	MOVQ ldk+16(FP), R8
	MOVQ q+24(FP), BX
	MOVQ s+32(FP), DI
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R13
	LEAQ (AX)(R8*4), R12
	LEAQ (R12)(R8*8), DX
	LEAQ (DX)(R8*4), DX
	VMOVDQU32 pairUp<>(SB), Z30
	VMOVDQU32 pairOff<>(SB), Z31
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7

lanes512:
	PREFETCHT0 (DX)
	ADDQ $64, DX
	VPERMPS (BX), Z30, Z8
	VBROADCASTSD (AX), Z9
	VFMADD231PS Z8, Z9, Z0
	VBROADCASTSD (AX)(R8*1), Z10
	VFMADD231PS Z8, Z10, Z1
	VBROADCASTSD (AX)(R8*2), Z11
	VFMADD231PS Z8, Z11, Z2
	VBROADCASTSD (AX)(R13*1), Z12
	VFMADD231PS Z8, Z12, Z3
	VBROADCASTSD (R12), Z13
	VFMADD231PS Z8, Z13, Z4
	VBROADCASTSD (R12)(R8*1), Z14
	VFMADD231PS Z8, Z14, Z5
	VBROADCASTSD (R12)(R8*2), Z15
	VFMADD231PS Z8, Z15, Z6
	VBROADCASTSD (R12)(R13*1), Z16
	VFMADD231PS Z8, Z16, Z7
	ADDQ $8, AX
	ADDQ $8, R12
	ADDQ $64, BX
	DECQ CX
	JNZ  lanes512

	LANESOUT(0, Z0, Y0)
	LANESOUT(32, Z1, Y1)
	LANESOUT(64, Z2, Y2)
	LANESOUT(96, Z3, Y3)
	LANESOUT(128, Z4, Y4)
	LANESOUT(160, Z5, Y5)
	LANESOUT(192, Z6, Y6)
	LANESOUT(224, Z7, Y7)
	VZEROUPPER
	RET

// func fetchAVX(p *float32, lines int)
TEXT ·fetchAVX(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ lines+8(FP), CX

fetch:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	DECQ CX
	JNZ  fetch
	RET
