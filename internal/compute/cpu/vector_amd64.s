//go:build !noasm

#include "textflag.h"

// exp(x) = 2^n e^r with n = round(x log2 e) and r = x - n ln 2 in two parts; e^r is the degree-6
// polynomial of Cephes expf (Moshier), within 2 ulp. x is clamped from below so that minus infinity
// gives a number that is zero to float32's eyes, and NaN stays NaN.
DATA expConst<>+0(SB)/4, $0x3fb8aa3b  // log2 e
DATA expConst<>+4(SB)/4, $0x3f318000  // ln 2, high part
DATA expConst<>+8(SB)/4, $0xb95e8083  // ln 2, low part
DATA expConst<>+12(SB)/4, $0x39506967 // 1.9875691500e-4
DATA expConst<>+16(SB)/4, $0x3ab743ce // 1.3981999507e-3
DATA expConst<>+20(SB)/4, $0x3c088908 // 8.3334519073e-3
DATA expConst<>+24(SB)/4, $0x3d2aa9c1 // 4.1665795894e-2
DATA expConst<>+28(SB)/4, $0x3e2aaaaa // 1.6666665459e-1
DATA expConst<>+32(SB)/4, $0x3f000000 // 0.5
DATA expConst<>+36(SB)/4, $0x3f800000 // 1
DATA expConst<>+40(SB)/4, $0xc2ae0000 // -87, below which AVX2 answers zero
DATA expConst<>+44(SB)/4, $0x42b00000 // 88, the largest argument
DATA expConst<>+48(SB)/4, $0x0000007f // exponent bias
DATA expConst<>+52(SB)/4, $0xc2d20000 // -105, where AVX-512 has underflowed
GLOBL expConst<>(SB), RODATA|NOPTR, $56

// func expSum16AVX512(dst, src *float32, n int, shift float32) float32
TEXT ·expSum16AVX512(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), Z16
	VBROADCASTSS expConst<>+0(SB), Z17
	VBROADCASTSS expConst<>+4(SB), Z18
	VBROADCASTSS expConst<>+8(SB), Z19
	VBROADCASTSS expConst<>+12(SB), Z20
	VBROADCASTSS expConst<>+16(SB), Z21
	VBROADCASTSS expConst<>+20(SB), Z22
	VBROADCASTSS expConst<>+24(SB), Z23
	VBROADCASTSS expConst<>+28(SB), Z24
	VBROADCASTSS expConst<>+32(SB), Z25
	VBROADCASTSS expConst<>+36(SB), Z26
	VBROADCASTSS expConst<>+52(SB), Z27
	VPXORD Z0, Z0, Z0

exp512:
	VMOVUPS (SI), Z1
	VSUBPS Z16, Z1, Z1
	VMAXPS Z1, Z27, Z1
	VMULPS Z17, Z1, Z2
	VRNDSCALEPS $0, Z2, Z2
	VFNMADD231PS Z18, Z2, Z1
	VFNMADD231PS Z19, Z2, Z1
	VMOVAPS Z20, Z3
	VFMADD213PS Z21, Z1, Z3
	VFMADD213PS Z22, Z1, Z3
	VFMADD213PS Z23, Z1, Z3
	VFMADD213PS Z24, Z1, Z3
	VFMADD213PS Z25, Z1, Z3
	VMULPS Z1, Z1, Z4
	VADDPS Z26, Z1, Z1
	VFMADD231PS Z4, Z3, Z1
	VSCALEFPS Z2, Z1, Z1
	VMOVUPS Z1, (DI)
	VADDPS Z1, Z0, Z0
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ  exp512

	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET

// func expSum8AVX2(dst, src *float32, n int, shift float32) float32
TEXT ·expSum8AVX2(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS shift+24(FP), Y15
	VBROADCASTSS expConst<>+0(SB), Y14
	VBROADCASTSS expConst<>+4(SB), Y13
	VBROADCASTSS expConst<>+8(SB), Y12
	VBROADCASTSS expConst<>+36(SB), Y11
	VBROADCASTSS expConst<>+40(SB), Y10
	VBROADCASTSS expConst<>+44(SB), Y9
	VBROADCASTSS expConst<>+48(SB), Y8
	VXORPS Y0, Y0, Y0

exp256:
	VMOVUPS (SI), Y1
	VSUBPS Y15, Y1, Y1
	VCMPPS $1, Y10, Y1, Y7 // below the clamp
	VMAXPS Y1, Y10, Y1
	VMINPS Y1, Y9, Y1
	VMULPS Y14, Y1, Y2
	VROUNDPS $0, Y2, Y2
	VFNMADD231PS Y13, Y2, Y1
	VFNMADD231PS Y12, Y2, Y1
	VBROADCASTSS expConst<>+12(SB), Y3
	VBROADCASTSS expConst<>+16(SB), Y5
	VFMADD213PS Y5, Y1, Y3
	VBROADCASTSS expConst<>+20(SB), Y5
	VFMADD213PS Y5, Y1, Y3
	VBROADCASTSS expConst<>+24(SB), Y5
	VFMADD213PS Y5, Y1, Y3
	VBROADCASTSS expConst<>+28(SB), Y5
	VFMADD213PS Y5, Y1, Y3
	VBROADCASTSS expConst<>+32(SB), Y5
	VFMADD213PS Y5, Y1, Y3
	VMULPS Y1, Y1, Y4
	VADDPS Y11, Y1, Y1
	VFMADD231PS Y4, Y3, Y1
	VCVTPS2DQ Y2, Y2
	VPADDD Y8, Y2, Y2
	VPSLLD $23, Y2, Y2
	VMULPS Y2, Y1, Y1
	VANDNPS Y1, Y7, Y1
	VMOVUPS Y1, (DI)
	VADDPS Y1, Y0, Y0
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  exp256

	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET

// func max8AVX(x *float32, n int) float32
//
// NaN must win: a lane that has met one is remembered in Y2.
TEXT ·max8AVX(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVUPS (SI), Y0
	VXORPS Y2, Y2, Y2

max256:
	VMOVUPS (SI), Y1
	VCMPPS $3, Y1, Y1, Y3
	VORPS Y3, Y2, Y2
	VMAXPS Y1, Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JNZ  max256

	VORPS Y2, Y0, Y0 // all ones is a NaN
	VMOVMSKPS Y2, AX
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VMAXPS X1, X0, X0
	VMOVSHDUP X0, X1
	VMAXSS X1, X0, X0
	TESTL AX, AX
	JZ    number
	VPCMPEQD X0, X0, X0

number:
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func dot32AVX(x, y *float32, n int) float32
TEXT ·dot32AVX(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ y+8(FP), DI
	MOVQ n+16(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

dot256:
	VMOVUPS (SI), Y4
	VMOVUPS 32(SI), Y5
	VMOVUPS 64(SI), Y6
	VMOVUPS 96(SI), Y7
	VFMADD231PS (DI), Y4, Y0
	VFMADD231PS 32(DI), Y5, Y1
	VFMADD231PS 64(DI), Y6, Y2
	VFMADD231PS 96(DI), Y7, Y3
	ADDQ $128, SI
	ADDQ $128, DI
	SUBQ $32, CX
	JNZ  dot256

	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func axpy8AVX(a float32, x, y *float32, n int)
TEXT ·axpy8AVX(SB), NOSPLIT, $0-32
	VBROADCASTSS a+0(FP), Y0
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DI
	MOVQ n+24(FP), CX

axpy256:
	VMOVUPS (DI), Y1
	VFMADD231PS (SI), Y0, Y1
	VMOVUPS Y1, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  axpy256
	VZEROUPPER
	RET

// func transpose8x8AVX(dst *float32, ldd int, src *float32, lds, blocks int)
//
// Turns blocks of 8 rows by 8 columns, the blocks lying side by side in src and below each other in dst.
TEXT ·transpose8x8AVX(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), BX
	MOVQ blocks+32(FP), CX
	SHLQ $2, DX
	SHLQ $2, BX
	LEAQ (BX)(BX*2), R8 // 3 rows of src
	LEAQ (DX)(DX*2), R10

block:
	LEAQ (SI)(BX*4), R9
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(BX*1), Y1
	VMOVUPS (SI)(BX*2), Y2
	VMOVUPS (SI)(R8*1), Y3
	VMOVUPS (R9), Y4
	VMOVUPS (R9)(BX*1), Y5
	VMOVUPS (R9)(BX*2), Y6
	VMOVUPS (R9)(R8*1), Y7
	VUNPCKLPS Y1, Y0, Y8
	VUNPCKHPS Y1, Y0, Y9
	VUNPCKLPS Y3, Y2, Y10
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15
	VSHUFPS $0x44, Y10, Y8, Y0
	VSHUFPS $0xEE, Y10, Y8, Y1
	VSHUFPS $0x44, Y11, Y9, Y2
	VSHUFPS $0xEE, Y11, Y9, Y3
	VSHUFPS $0x44, Y14, Y12, Y4
	VSHUFPS $0xEE, Y14, Y12, Y5
	VSHUFPS $0x44, Y15, Y13, Y6
	VSHUFPS $0xEE, Y15, Y13, Y7
	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(DX*1)
	VMOVUPS Y10, (DI)(DX*2)
	VMOVUPS Y11, (DI)(R10*1)
	LEAQ (DI)(DX*4), DI
	VMOVUPS Y12, (DI)
	VMOVUPS Y13, (DI)(DX*1)
	VMOVUPS Y14, (DI)(DX*2)
	VMOVUPS Y15, (DI)(R10*1)
	LEAQ (DI)(DX*4), DI
	ADDQ $32, SI
	DECQ CX
	JNZ  block
	VZEROUPPER
	RET

// func copyRows8AVX(dst, src *float32, lds, rows, blocks int)
//
// Copies rows of blocks*8 elements, lds apart in src, to lie one behind the other.
TEXT ·copyRows8AVX(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ lds+16(FP), BX
	MOVQ rows+24(FP), CX
	MOVQ blocks+32(FP), DX
	SHLQ $2, BX

copyRow:
	MOVQ SI, R8
	MOVQ DX, R9

copyBlock:
	VMOVUPS (R8), Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, R8
	ADDQ $32, DI
	DECQ R9
	JNZ  copyBlock
	ADDQ BX, SI
	DECQ CX
	JNZ  copyRow
	VZEROUPPER
	RET

// func swiglu8AVX(out, gate, up, e *float32, n int)
TEXT ·swiglu8AVX(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), BX
	MOVQ e+24(FP), DX
	MOVQ n+32(FP), CX
	VBROADCASTSS expConst<>+36(SB), Y15 // 1
	XORQ AX, AX

swiglu256:
	VADDPS (DX)(AX*4), Y15, Y0
	VMOVUPS (SI)(AX*4), Y1
	VDIVPS Y0, Y1, Y1
	VMULPS (BX)(AX*4), Y1, Y1
	VMOVUPS Y1, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT  swiglu256
	VZEROUPPER
	RET

// func swigluBackward8AVX(gate, up, dAct, act, e *float32, n int, factor float32) float32
TEXT ·swigluBackward8AVX(SB), NOSPLIT, $0-60
	MOVQ gate+0(FP), SI
	MOVQ up+8(FP), BX
	MOVQ dAct+16(FP), R8
	MOVQ act+24(FP), DI
	MOVQ e+32(FP), DX
	MOVQ n+40(FP), CX
	VBROADCASTSS factor+48(FP), Y14
	VBROADCASTSS expConst<>+36(SB), Y15 // 1
	VXORPS Y13, Y13, Y13 // dot
	XORQ AX, AX

back256:
	VADDPS (DX)(AX*4), Y15, Y0
	VDIVPS Y0, Y15, Y0        // s
	VMOVUPS (SI)(AX*4), Y1    // g
	VMOVUPS (BX)(AX*4), Y2    // u
	VMOVUPS (R8)(AX*4), Y3    // d
	VMULPS Y0, Y1, Y4         // silu
	VMULPS Y2, Y4, Y5         // activation
	VFMADD231PS Y3, Y5, Y13
	VMULPS Y14, Y5, Y5
	VMOVUPS Y5, (DI)(AX*4)
	VMULPS Y14, Y3, Y3        // factor d
	VMULPS Y4, Y3, Y6
	VMOVUPS Y6, (BX)(AX*4)
	VSUBPS Y0, Y15, Y7        // 1-s
	VMOVAPS Y15, Y8
	VFMADD231PS Y7, Y1, Y8    // 1 + g(1-s)
	VMULPS Y2, Y3, Y3
	VMULPS Y0, Y3, Y3
	VMULPS Y8, Y3, Y3
	VMOVUPS Y3, (SI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT  back256

	VEXTRACTF128 $1, Y13, X1
	VADDPS X1, X13, X0
	VMOVHLPS X0, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+56(FP)
	VZEROUPPER
	RET
